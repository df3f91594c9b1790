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
   * Adds a CA file to memory under the name of the uploaded file.
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
        409: `Exists already or the version is not the current one.`,
      },
    });
  }
}
