/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { Certificate } from '../models/Certificate.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class CertificatesService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Certificates in HAProxy's memory.
   * @returns Certificate The certificates.
   * @throws ApiError
   */
  public listCertificates(): CancelablePromise<Array<Certificate>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/ssl_certs',
    });
  }
  /**
   * Adds a certificate to memory under the name of the uploaded file.
   * @returns any Added.
   * @throws ApiError
   */
  public createCertificate({
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
      url: '/services/haproxy/runtime/ssl_certs',
      formData: formData,
      mediaType: 'multipart/form-data',
      errors: {
        400: `Refused.`,
        409: `Exists already or the version is not the current one.`,
      },
    });
  }
  /**
   * One certificate, without its key.
   * @returns Certificate The certificate.
   * @throws ApiError
   */
  public getCertificate({
    name,
  }: {
    name: string,
  }): CancelablePromise<Certificate> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/ssl_certs/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Replaces a certificate and its key in memory; new connections get it at once.
   * @returns any Replaced.
   * @throws ApiError
   */
  public replaceCertificate({
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
      url: '/services/haproxy/runtime/ssl_certs/{name}',
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
   * Removes a certificate that nothing uses from memory.
   * @returns void
   * @throws ApiError
   */
  public deleteCertificate({
    name,
  }: {
    name: string,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/runtime/ssl_certs/{name}',
      path: {
        'name': name,
      },
      errors: {
        400: `Refused.`,
      },
    });
  }
}
