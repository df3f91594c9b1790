/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type Process = {
  node?: string;
  pid?: number | null;
  release_date?: string;
  /**
   * Seconds since this worker started.
   */
  uptime?: number | null;
  version?: string;
  curr_conns?: number | null;
  cum_conns?: number | null;
  cum_req?: number | null;
  max_conn?: number | null;
  nbthread?: number | null;
  stopping?: number | null;
};

