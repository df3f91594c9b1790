/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { CertificateList } from '../models/CertificateList.js';
import type { CertificateListEntry } from '../models/CertificateListEntry.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class CertificateListsService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Certificate lists that HAProxy has loaded.
   * @returns CertificateList The lists by file.
   * @throws ApiError
   */
  public listCertificateLists(): CancelablePromise<Array<CertificateList>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/ssl_crt_lists',
    });
  }
  /**
   * Entries of a list.
   * @returns CertificateListEntry The entries.
   * @throws ApiError
   */
  public listEntries({
    name,
  }: {
    /**
     * File of the list.
     */
    name: string,
  }): CancelablePromise<Array<CertificateListEntry>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/ssl_crt_lists/entries',
      query: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Adds a certificate to a list; new connections see it at once.
   * @returns any Added.
   * @throws ApiError
   */
  public addEntry({
    name,
    requestBody,
  }: {
    /**
     * File of the list.
     */
    name: string,
    requestBody: CertificateListEntry,
  }): CancelablePromise<any> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/runtime/ssl_crt_lists/entries',
      query: {
        'name': name,
      },
      body: requestBody,
      mediaType: 'application/json',
      errors: {
        400: `Refused.`,
        409: `Exists already or the version is not the current one.`,
      },
    });
  }
  /**
   * Removes a certificate from a list. `line_number` is needed when the list names it more than once.
   * @returns void
   * @throws ApiError
   */
  public deleteEntry({
    name,
    certFile,
    lineNumber,
  }: {
    /**
     * File of the list.
     */
    name: string,
    certFile: string,
    lineNumber?: number,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/runtime/ssl_crt_lists/entries',
      query: {
        'name': name,
        'cert_file': certFile,
        'line_number': lineNumber,
      },
      errors: {
        400: `Refused.`,
        404: `No such thing.`,
      },
    });
  }
}
