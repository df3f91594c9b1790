/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type Info = {
  api?: {
    build_date?: string;
    version?: string;
  };
  system?: {
    hostname?: string;
    os_string?: string;
    /**
     * Seconds since 1970.
     */
    time?: number;
    /**
     * Seconds.
     */
    uptime?: number | null;
  };
};

