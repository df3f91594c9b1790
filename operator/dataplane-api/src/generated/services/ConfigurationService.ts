/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class ConfigurationService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * The version counter in the first line of haproxy.cfg.
   * @returns number The counter.
   * @throws ApiError
   */
  public getVersion(): CancelablePromise<number> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/configuration/version',
    });
  }
  /**
   * haproxy.cfg as text. Order and spelling of lines may differ from what was sent.
   * @returns string The file.
   * @throws ApiError
   */
  public getRaw(): CancelablePromise<string> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/configuration/raw',
    });
  }
  /**
   * Replaces haproxy.cfg after `haproxy -c` accepted it.
   * Send either `version` (must be the current counter) or `skip_version`. Without `skip_reload` and `force_reload` the reload follows a moment later and the header Reload-ID names it. With `force_reload` the answer waits; when HAProxy cannot start, the old file is put back.
   * @returns string Written; reloaded if that was forced. The body is the new file.
   * @throws ApiError
   */
  public postRaw({
    requestBody,
    version,
    skipVersion,
    skipReload,
    forceReload,
    onlyValidate,
  }: {
    requestBody: string,
    version?: number,
    skipVersion?: boolean,
    skipReload?: boolean,
    forceReload?: boolean,
    onlyValidate?: boolean,
  }): CancelablePromise<string> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/configuration/raw',
      query: {
        'version': version,
        'skip_version': skipVersion,
        'skip_reload': skipReload,
        'force_reload': forceReload,
        'only_validate': onlyValidate,
      },
      body: requestBody,
      mediaType: 'text/plain',
      errors: {
        400: `Refused.`,
        409: `Exists already or the version is not the current one.`,
      },
    });
  }
}
