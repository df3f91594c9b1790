/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { Reload } from '../models/Reload.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class ReloadsService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Recent reloads.
   * @returns Reload Failed
   * @throws ApiError
   */
  public listReloads(): CancelablePromise<Array<Reload>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/reloads',
    });
  }
  /**
   * What came of one reload.
   * @returns Reload The reload.
   * @throws ApiError
   */
  public getReload({
    id,
  }: {
    id: string,
  }): CancelablePromise<Reload> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/reloads/{id}',
      path: {
        'id': id,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
}
