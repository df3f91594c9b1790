/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type NewServer = {
  readonly id?: string;
  name?: string;
  address?: string;
  port?: number | null;
  weight?: number | null;
  maxconn?: number | null;
  backup?: 'enabled' | 'disabled';
  alpn?: string;
  proto?: string;
  'send-proxy'?: 'enabled' | 'disabled';
  'send-proxy-v2'?: 'enabled' | 'disabled';
  sni?: string;
  ssl?: 'enabled' | 'disabled';
  ssl_cafile?: string;
  ssl_certificate?: string;
  verify?: 'none' | 'required';
  verifyhost?: string;
  /**
   * Health checks of servers added at run time never run.
   */
  check?: 'enabled' | 'disabled';
};

