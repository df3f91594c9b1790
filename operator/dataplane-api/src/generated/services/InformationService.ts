/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { Health } from '../models/Health.js';
import type { Info } from '../models/Info.js';
import type { ProcessInfo } from '../models/ProcessInfo.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class InformationService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * The program itself. Needs no HAProxy.
   * @returns Info The program and its host.
   * @throws ApiError
   */
  public getInfo(): CancelablePromise<Info> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/info',
    });
  }
  /**
   * Whether HAProxy's processes run.
   * @returns Health The state as one word.
   * @throws ApiError
   */
  public getHealth(): CancelablePromise<Health> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/health',
    });
  }
  /**
   * Version, process id and uptime of the worker. Answers 200 with `error` set when HAProxy is down, so look at the body.
   * @returns ProcessInfo The worker or what went wrong.
   * @throws ApiError
   */
  public getProcessInfo(): CancelablePromise<ProcessInfo> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/info',
    });
  }
}
