/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type Transaction = {
  _version?: number;
  id?: string;
  status?: 'failed' | 'outdated' | 'in_progress' | 'success';
};

