/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export { GeneratedClient } from './GeneratedClient.js';

export { ApiError } from './core/ApiError.js';
export { BaseHttpRequest } from './core/BaseHttpRequest.js';
export { CancelablePromise, CancelError } from './core/CancelablePromise.js';
export { OpenAPI } from './core/OpenAPI.js';
export type { OpenAPIConfig } from './core/OpenAPI.js';

export type { CaFile } from './models/CaFile.js';
export type { Certificate } from './models/Certificate.js';
export type { CertificateList } from './models/CertificateList.js';
export type { CertificateListEntry } from './models/CertificateListEntry.js';
export type { Error } from './models/Error.js';
export type { ForceReload } from './models/ForceReload.js';
export type { Health } from './models/Health.js';
export type { Info } from './models/Info.js';
export type { MapEntry } from './models/MapEntry.js';
export type { MapEntryValue } from './models/MapEntryValue.js';
export type { MapFile } from './models/MapFile.js';
export type { Name } from './models/Name.js';
export type { NewServer } from './models/NewServer.js';
export type { ParentName } from './models/ParentName.js';
export type { Process } from './models/Process.js';
export type { ProcessInfo } from './models/ProcessInfo.js';
export type { Reload } from './models/Reload.js';
export type { RuntimeServer } from './models/RuntimeServer.js';
export type { SkipReload } from './models/SkipReload.js';
export type { StoredFile } from './models/StoredFile.js';
export type { Transaction } from './models/Transaction.js';

export { CaFilesService } from './services/CaFilesService.js';
export { CertificateListsService } from './services/CertificateListsService.js';
export { CertificatesService } from './services/CertificatesService.js';
export { ConfigurationService } from './services/ConfigurationService.js';
export { InformationService } from './services/InformationService.js';
export { MapsService } from './services/MapsService.js';
export { ReloadsService } from './services/ReloadsService.js';
export { ServersService } from './services/ServersService.js';
export { StorageCertificateListsService } from './services/StorageCertificateListsService.js';
export { StorageCertificatesService } from './services/StorageCertificatesService.js';
export { StorageGeneralService } from './services/StorageGeneralService.js';
export { StorageMapsService } from './services/StorageMapsService.js';
export { TransactionsService } from './services/TransactionsService.js';
