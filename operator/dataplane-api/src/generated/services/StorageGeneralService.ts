/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { StoredFile } from '../models/StoredFile.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class StorageGeneralService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * General files on disk.
   * @returns StoredFile The files.
   * @throws ApiError
   */
  public listFiles(): CancelablePromise<Array<StoredFile>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/storage/general',
    });
  }
  /**
   * A new general file.
   * @returns StoredFile Written.
   * @throws ApiError
   */
  public createFile({
    formData,
  }: {
    formData: {
      /**
       * A File; its name is the name on the other side.
       */
      file_upload: Blob;
    },
  }): CancelablePromise<StoredFile> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/storage/general',
      formData: formData,
      mediaType: 'multipart/form-data',
      errors: {
        400: `Refused.`,
        409: `Exists already or the version is not the current one.`,
      },
    });
  }
  /**
   * A general file as text.
   * @returns string The file.
   * @throws ApiError
   */
  public getFile({
    name,
  }: {
    name: string,
  }): CancelablePromise<string> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/storage/general/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Replaces a general file. Unlike haproxy.cfg it is not put back when a later reload fails.
   * @returns string Done; a reload follows.
   * @throws ApiError
   */
  public replaceFile({
    name,
    formData,
    skipReload,
    forceReload,
  }: {
    name: string,
    formData: {
      /**
       * A File; its name is the name on the other side.
       */
      file_upload: Blob;
    },
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
      method: 'PUT',
      url: '/services/haproxy/storage/general/{name}',
      path: {
        'name': name,
      },
      query: {
        'skip_reload': skipReload,
        'force_reload': forceReload,
      },
      formData: formData,
      mediaType: 'multipart/form-data',
      responseHeader: 'Reload-ID',
      errors: {
        400: `Refused.`,
        404: `No such thing.`,
      },
    });
  }
  /**
   * Removes a general file.
   * @returns void
   * @throws ApiError
   */
  public deleteFile({
    name,
  }: {
    name: string,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/storage/general/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
        409: `haproxy.cfg names the file.`,
      },
    });
  }
}
