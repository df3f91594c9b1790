/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type RuntimeServer = {
  readonly id?: string;
  readonly name?: string;
  address?: string;
  port?: number | null;
  weight?: number | null;
  admin_state?: 'ready' | 'maint' | 'drain';
  operational_state?: 'up' | 'down' | 'stopping';
  readonly backend_name?: string;
  readonly backend_id?: number | null;
  /**
   * 6 while health checks run; 2 when they never will.
   */
  readonly check_state?: number | null;
  /**
   * Seconds.
   */
  readonly last_time_change?: number | null;
};

