/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { Certificate } from '../models/Certificate.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class StorageCertificatesService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Certificate files on disk.
   * @returns Certificate The files.
   * @throws ApiError
   */
  public listCertificates(): CancelablePromise<Array<Certificate>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/storage/ssl_certificates',
    });
  }
  /**
   * A new certificate file. Without `skip_reload` it is put into memory too. Dots in its name become `_`, except the last.
   * @returns Certificate Written.
   * @throws ApiError
   */
  public createCertificate({
    formData,
    skipReload,
    forceReload,
  }: {
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
  }): CancelablePromise<Certificate> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/storage/ssl_certificates',
      query: {
        'skip_reload': skipReload,
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
   * One certificate file, without its key.
   * @returns Certificate The file.
   * @throws ApiError
   */
  public getCertificate({
    name,
  }: {
    name: string,
  }): CancelablePromise<Certificate> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/storage/ssl_certificates/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Replaces a certificate file. Without `skip_reload` new connections get it at once. Pair and chain are not checked.
   * @returns Certificate Written.
   * @throws ApiError
   */
  public replaceCertificate({
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
  }): CancelablePromise<Certificate> {
    return this.httpRequest.request({
      method: 'PUT',
      url: '/services/haproxy/storage/ssl_certificates/{name}',
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
   * Removes a certificate file. Refused while haproxy.cfg names it; certificate lists are not looked at.
   * @returns string Done; a reload follows.
   * @throws ApiError
   */
  public deleteCertificate({
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
      url: '/services/haproxy/storage/ssl_certificates/{name}',
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
