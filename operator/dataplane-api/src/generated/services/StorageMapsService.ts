/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { MapFile } from '../models/MapFile.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class StorageMapsService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Map files on disk.
   * @returns MapFile The files.
   * @throws ApiError
   */
  public listMaps(): CancelablePromise<Array<MapFile>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/storage/maps',
    });
  }
  /**
   * A new map file. HAProxy knows it after a reload.
   * @returns MapFile Written.
   * @throws ApiError
   */
  public createMap({
    formData,
  }: {
    formData: {
      /**
       * A File; its name is the name on the other side.
       */
      file_upload: Blob;
    },
  }): CancelablePromise<MapFile> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/storage/maps',
      formData: formData,
      mediaType: 'multipart/form-data',
      errors: {
        400: `Refused.`,
        409: `Exists already or the version is not the current one.`,
      },
    });
  }
  /**
   * A map file as text.
   * @returns string The file.
   * @throws ApiError
   */
  public getMap({
    name,
  }: {
    name: string,
  }): CancelablePromise<string> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/storage/maps/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Replaces a map file on disk; memory is not touched.
   * @returns string Done; a reload follows.
   * @throws ApiError
   */
  public replaceMap({
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
  }): CancelablePromise<string> {
    return this.httpRequest.request({
      method: 'PUT',
      url: '/services/haproxy/storage/maps/{name}',
      path: {
        'name': name,
      },
      query: {
        'skip_reload': skipReload,
        'force_reload': forceReload,
      },
      body: requestBody,
      mediaType: 'text/plain',
      responseHeader: 'Reload-ID',
      errors: {
        400: `Refused.`,
        404: `No such thing.`,
      },
    });
  }
  /**
   * Removes a map file.
   * @returns void
   * @throws ApiError
   */
  public deleteMap({
    name,
  }: {
    name: string,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/storage/maps/{name}',
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
