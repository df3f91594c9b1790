/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type MapFile = {
  description?: string;
  /**
   * The path.
   */
  file?: string;
  id?: string;
  /**
   * Bytes.
   */
  size?: number | null;
  /**
   * The name to ask for it.
   */
  storage_name?: string;
};

