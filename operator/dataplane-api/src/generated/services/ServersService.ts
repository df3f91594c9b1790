/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { NewServer } from '../models/NewServer.js';
import type { RuntimeServer } from '../models/RuntimeServer.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class ServersService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Servers of a backend as HAProxy has them now.
   * @returns RuntimeServer The servers.
   * @throws ApiError
   */
  public listServers({
    parentName,
  }: {
    parentName: string,
  }): CancelablePromise<Array<RuntimeServer>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/backends/{parent_name}/servers',
      path: {
        'parent_name': parentName,
      },
    });
  }
  /**
   * Adds a server. It takes no traffic until `replaceServer` sets `admin_state` to `ready`.
   * @returns NewServer Added
   * @throws ApiError
   */
  public addServer({
    parentName,
    requestBody,
  }: {
    parentName: string,
    requestBody: NewServer,
  }): CancelablePromise<NewServer> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/runtime/backends/{parent_name}/servers',
      path: {
        'parent_name': parentName,
      },
      body: requestBody,
      mediaType: 'application/json',
      errors: {
        400: `Refused.`,
        404: `No such thing.`,
        409: `Exists already or the version is not the current one.`,
      },
    });
  }
  /**
   * One server as HAProxy has it now.
   * @returns RuntimeServer The server.
   * @throws ApiError
   */
  public getServer({
    parentName,
    name,
  }: {
    parentName: string,
    name: string,
  }): CancelablePromise<RuntimeServer> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/backends/{parent_name}/servers/{name}',
      path: {
        'parent_name': parentName,
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Changes the given properties of a server; others stay.
   * @returns RuntimeServer The server after the change.
   * @throws ApiError
   */
  public replaceServer({
    parentName,
    name,
    requestBody,
  }: {
    parentName: string,
    name: string,
    requestBody: RuntimeServer,
  }): CancelablePromise<RuntimeServer> {
    return this.httpRequest.request({
      method: 'PUT',
      url: '/services/haproxy/runtime/backends/{parent_name}/servers/{name}',
      path: {
        'parent_name': parentName,
        'name': name,
      },
      body: requestBody,
      mediaType: 'application/json',
      errors: {
        400: `Refused.`,
        404: `No such thing.`,
      },
    });
  }
  /**
   * Sets a server to maintenance and removes it. Answers 500 while it still has connections; the server stays in maintenance then.
   * @returns void
   * @throws ApiError
   */
  public deleteServer({
    parentName,
    name,
  }: {
    parentName: string,
    name: string,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/runtime/backends/{parent_name}/servers/{name}',
      path: {
        'parent_name': parentName,
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
}
