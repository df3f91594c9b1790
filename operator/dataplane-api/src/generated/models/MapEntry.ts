/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type MapEntry = {
  /**
   * HAProxy's address of the entry.
   */
  readonly id?: string;
  key?: string;
  value?: string;
};

