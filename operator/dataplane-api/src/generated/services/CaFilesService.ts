/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { CaFile } from '../models/CaFile.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class CaFilesService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * CA files in HAProxy's memory.
   * @returns CaFile The files.
   * @throws ApiError
   */
  public listCaFiles(): CancelablePromise<Array<CaFile>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/ssl_ca_files',
    });
  }
  /**
   * Adds a CA file to memory under the name of the uploaded file, without folders. What is there already is refused with 500.
   * @returns any Added.
   * @throws ApiError
   */
  public createCaFile({
    formData,
  }: {
    formData: {
      /**
       * A File; its name is the name on the other side.
       */
      file_upload: Blob;
    },
  }): CancelablePromise<any> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/runtime/ssl_ca_files',
      formData: formData,
      mediaType: 'multipart/form-data',
      errors: {
        400: `Refused.`,
      },
    });
  }
  /**
   * How many certificates a CA file in memory has.
   * @returns CaFile The file.
   * @throws ApiError
   */
  public getCaFile({
    name,
  }: {
    name: string,
  }): CancelablePromise<CaFile> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/ssl_ca_files/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Replaces the certificates of a CA file in memory. Ports that name it ask for them from the next connection on. What is not there is refused with 500.
   * @returns any Replaced.
   * @throws ApiError
   */
  public replaceCaFile({
    name,
    formData,
  }: {
    name: string,
    formData: {
      /**
       * A File; its name is the name on the other side.
       */
      file_upload: Blob;
    },
  }): CancelablePromise<any> {
    return this.httpRequest.request({
      method: 'PUT',
      url: '/services/haproxy/runtime/ssl_ca_files/{name}',
      path: {
        'name': name,
      },
      formData: formData,
      mediaType: 'multipart/form-data',
      errors: {
        400: `Refused.`,
      },
    });
  }
  /**
   * Removes a CA file from memory. What is in use, or not there, is refused with 500.
   * @returns void
   * @throws ApiError
   */
  public deleteCaFile({
    name,
  }: {
    name: string,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/runtime/ssl_ca_files/{name}',
      path: {
        'name': name,
      },
    });
  }
}
