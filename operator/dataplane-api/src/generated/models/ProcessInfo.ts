/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { Process } from './Process.js';
export type ProcessInfo = {
  error?: string;
  runtimeAPI?: string;
  info?: Process;
};

