/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type CertificateListEntry = {
  /**
   * The certificate's path.
   */
  file?: string;
  line_number?: number;
  sni_filter?: Array<string>;
  ssl_bind_config?: string;
};

