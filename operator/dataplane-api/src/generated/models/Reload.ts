/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type Reload = {
  /**
   * Date and number, as in 2026-01-31-7.
   */
  id?: string;
  status?: 'failed' | 'in_progress' | 'succeeded';
  /**
   * Seconds since 1970.
   */
  reload_timestamp?: number;
  /**
   * HAProxy's words.
   */
  response?: string;
};

