/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
/**
 * Write the file and do nothing else.
 */
export type SkipReload = boolean;
