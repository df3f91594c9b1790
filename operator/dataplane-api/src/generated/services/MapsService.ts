/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { MapEntry } from '../models/MapEntry.js';
import type { MapEntryValue } from '../models/MapEntryValue.js';
import type { MapFile } from '../models/MapFile.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class MapsService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Maps that HAProxy has loaded from the maps folder.
   * @returns MapFile The maps.
   * @throws ApiError
   */
  public listMaps({
    includeUnmanaged,
  }: {
    /**
     * Also maps from other folders.
     */
    includeUnmanaged?: boolean,
  }): CancelablePromise<Array<MapFile>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/maps',
      query: {
        'include_unmanaged': includeUnmanaged,
      },
    });
  }
  /**
   * One loaded map, without its entries.
   * @returns MapFile The map.
   * @throws ApiError
   */
  public getMap({
    name,
  }: {
    name: string,
  }): CancelablePromise<MapFile> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/maps/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Adds many entries, or replaces the whole map.
   * Up to 8,192 bytes (each entry counts key, a space, value and a line break) the entries are added, even when their keys exist. Above that the map is replaced in one step. Near a multiple of 8,192 bytes entries can be lost; an empty list answers 500.
   * @returns MapEntry Done; the body repeats the entries.
   * @throws ApiError
   */
  public putMap({
    name,
    requestBody,
  }: {
    name: string,
    requestBody: Array<MapEntry>,
  }): CancelablePromise<Array<MapEntry>> {
    return this.httpRequest.request({
      method: 'PUT',
      url: '/services/haproxy/runtime/maps/{name}',
      path: {
        'name': name,
      },
      body: requestBody,
      mediaType: 'application/json',
      errors: {
        400: `Refused.`,
      },
    });
  }
  /**
   * Removes all entries from memory.
   * @returns void
   * @throws ApiError
   */
  public clearMap({
    name,
  }: {
    name: string,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/runtime/maps/{name}',
      path: {
        'name': name,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * All entries. A value ends at its first space.
   * @returns MapEntry The entries.
   * @throws ApiError
   */
  public listEntries({
    parentName,
  }: {
    parentName: string,
  }): CancelablePromise<Array<MapEntry>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/maps/{parent_name}/entries',
      path: {
        'parent_name': parentName,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Adds an entry that does not exist yet.
   * @returns MapEntry Added.
   * @throws ApiError
   */
  public addEntry({
    parentName,
    requestBody,
  }: {
    parentName: string,
    requestBody: MapEntry,
  }): CancelablePromise<MapEntry> {
    return this.httpRequest.request({
      method: 'POST',
      url: '/services/haproxy/runtime/maps/{parent_name}/entries',
      path: {
        'parent_name': parentName,
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
   * One entry. The value is cut at `=` and `,`; use the list to compare values.
   * @returns MapEntry The entry.
   * @throws ApiError
   */
  public getEntry({
    parentName,
    id,
  }: {
    parentName: string,
    /**
     * The key. Keys with a line break or one of < > * ; $
     */
    id: string,
  }): CancelablePromise<MapEntry> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/runtime/maps/{parent_name}/entries/{id}',
      path: {
        'parent_name': parentName,
        'id': id,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
  /**
   * Gives an existing entry another value.
   * @returns MapEntry Replaced.
   * @throws ApiError
   */
  public replaceEntry({
    parentName,
    id,
    requestBody,
  }: {
    parentName: string,
    /**
     * The key. Keys with a line break or one of < > * ; $
     */
    id: string,
    requestBody: MapEntryValue,
  }): CancelablePromise<MapEntry> {
    return this.httpRequest.request({
      method: 'PUT',
      url: '/services/haproxy/runtime/maps/{parent_name}/entries/{id}',
      path: {
        'parent_name': parentName,
        'id': id,
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
   * Removes an entry.
   * @returns void
   * @throws ApiError
   */
  public deleteEntry({
    parentName,
    id,
  }: {
    parentName: string,
    /**
     * The key. Keys with a line break or one of < > * ; $
     */
    id: string,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/runtime/maps/{parent_name}/entries/{id}',
      path: {
        'parent_name': parentName,
        'id': id,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
}
