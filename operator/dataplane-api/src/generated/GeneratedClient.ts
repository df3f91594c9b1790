/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { BaseHttpRequest } from './core/BaseHttpRequest.js';
import type { OpenAPIConfig } from './core/OpenAPI.js';
import { FetchHttpRequest } from './core/FetchHttpRequest.js';
import { CaFilesService } from './services/CaFilesService.js';
import { CertificateListsService } from './services/CertificateListsService.js';
import { CertificatesService } from './services/CertificatesService.js';
import { ConfigurationService } from './services/ConfigurationService.js';
import { InformationService } from './services/InformationService.js';
import { MapsService } from './services/MapsService.js';
import { ReloadsService } from './services/ReloadsService.js';
import { ServersService } from './services/ServersService.js';
import { StorageCertificateListsService } from './services/StorageCertificateListsService.js';
import { StorageCertificatesService } from './services/StorageCertificatesService.js';
import { StorageGeneralService } from './services/StorageGeneralService.js';
import { StorageMapsService } from './services/StorageMapsService.js';
import { TransactionsService } from './services/TransactionsService.js';
type HttpRequestConstructor = new (config: OpenAPIConfig) => BaseHttpRequest;
export class GeneratedClient {
  public readonly caFiles: CaFilesService;
  public readonly certificateLists: CertificateListsService;
  public readonly certificates: CertificatesService;
  public readonly configuration: ConfigurationService;
  public readonly information: InformationService;
  public readonly maps: MapsService;
  public readonly reloads: ReloadsService;
  public readonly servers: ServersService;
  public readonly storageCertificateLists: StorageCertificateListsService;
  public readonly storageCertificates: StorageCertificatesService;
  public readonly storageGeneral: StorageGeneralService;
  public readonly storageMaps: StorageMapsService;
  public readonly transactions: TransactionsService;
  public readonly request: BaseHttpRequest;
  constructor(config?: Partial<OpenAPIConfig>, HttpRequest: HttpRequestConstructor = FetchHttpRequest) {
    this.request = new HttpRequest({
      BASE: config?.BASE ?? '/v3',
      VERSION: config?.VERSION ?? '3.4.2',
      WITH_CREDENTIALS: config?.WITH_CREDENTIALS ?? false,
      CREDENTIALS: config?.CREDENTIALS ?? 'include',
      TOKEN: config?.TOKEN,
      USERNAME: config?.USERNAME,
      PASSWORD: config?.PASSWORD,
      HEADERS: config?.HEADERS,
      ENCODE_PATH: config?.ENCODE_PATH,
    });
    this.caFiles = new CaFilesService(this.request);
    this.certificateLists = new CertificateListsService(this.request);
    this.certificates = new CertificatesService(this.request);
    this.configuration = new ConfigurationService(this.request);
    this.information = new InformationService(this.request);
    this.maps = new MapsService(this.request);
    this.reloads = new ReloadsService(this.request);
    this.servers = new ServersService(this.request);
    this.storageCertificateLists = new StorageCertificateListsService(this.request);
    this.storageCertificates = new StorageCertificatesService(this.request);
    this.storageGeneral = new StorageGeneralService(this.request);
    this.storageMaps = new StorageMapsService(this.request);
    this.transactions = new TransactionsService(this.request);
  }
}

