/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type CaFile = {
  file?: string;
  /**
   * Certificates in the file.
   */
  count?: string;
  storage_name?: string;
};

