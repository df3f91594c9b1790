/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { StoredFile } from '../models/StoredFile.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class StorageCertificateListsService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Certificate lists on disk.
   * @returns StoredFile The files.
   * @throws ApiError
   */
  public listCertificateLists(): CancelablePromise<Array<StoredFile>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/storage/ssl_crt_lists',
    });
  }
  /**
   * A new certificate list. A reload follows, although nothing can name the list yet.
   * @returns StoredFile Written and reloaded.
   * @throws ApiError
   */
  public createCertificateList({
    formData,
    forceReload,
  }: {
    formData: {
      /**
       * A File; its name is the name on the other side.
       */
      file_upload: Blob;
    },
    /**
     * Reload at once and wait for it.
     */
    forceReload?: boolean,
  }): CancelablePromise<StoredFile> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/storage/ssl_crt_lists',
      query: {
        'force_reload': forceReload,
      },
      formData: formData,
      mediaType: 'multipart/form-data',
      errors: {
        400: `Refused.`,
        409: `Exists already or the version is not the current one.`,
      },
    });
  }
  /**
   * A certificate list as text.
   * @returns string The file.
   * @throws ApiError
   */
  public getCertificateList({
    name,
  }: {
    name: string,
  }): CancelablePromise<string> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/storage/ssl_crt_lists/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Replaces a certificate list on disk; memory is not touched.
   * @returns StoredFile Written.
   * @throws ApiError
   */
  public replaceCertificateList({
    name,
    requestBody,
    skipReload,
    forceReload,
  }: {
    name: string,
    requestBody: string,
    /**
     * Write the file and do nothing else.
     */
    skipReload?: boolean,
    /**
     * Reload at once and wait for it.
     */
    forceReload?: boolean,
  }): CancelablePromise<StoredFile> {
    return this.httpRequest.request({
      method: 'PUT',
      url: '/services/haproxy/storage/ssl_crt_lists/{name}',
      path: {
        'name': name,
      },
      query: {
        'skip_reload': skipReload,
        'force_reload': forceReload,
      },
      body: requestBody,
      mediaType: 'text/plain',
      errors: {
        400: `Refused.`,
        404: `No such thing.`,
      },
    });
  }
  /**
   * Removes a certificate list.
   * @returns string Done; a reload follows.
   * @throws ApiError
   */
  public deleteCertificateList({
    name,
    skipReload,
    forceReload,
  }: {
    name: string,
    /**
     * Write the file and do nothing else.
     */
    skipReload?: boolean,
    /**
     * Reload at once and wait for it.
     */
    forceReload?: boolean,
  }): CancelablePromise<string> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/storage/ssl_crt_lists/{name}',
      path: {
        'name': name,
      },
      query: {
        'skip_reload': skipReload,
        'force_reload': forceReload,
      },
      responseHeader: 'Reload-ID',
      errors: {
        404: `No such thing.`,
        409: `haproxy.cfg names the file.`,
      },
    });
  }
}
