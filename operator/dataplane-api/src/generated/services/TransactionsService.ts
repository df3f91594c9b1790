/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
import type { Transaction } from '../models/Transaction.js';
import type { CancelablePromise } from '../core/CancelablePromise.js';
import type { BaseHttpRequest } from '../core/BaseHttpRequest.js';
export class TransactionsService {
  constructor(public readonly httpRequest: BaseHttpRequest) {}
  /**
   * Transactions that are open or failed. Every refused raw configuration leaves one, with a copy of the file.
   * @returns Transaction The transactions.
   * @throws ApiError
   */
  public listTransactions({
    status,
  }: {
    status?: 'failed' | 'in_progress',
  }): CancelablePromise<Array<Transaction>> {
    return this.httpRequest.request({
      method: 'GET',
      url: '/services/haproxy/transactions',
      query: {
        'status': status,
      },
    });
  }
  /**
   * Drops a transaction and its copy of the file.
   * @returns void
   * @throws ApiError
   */
  public deleteTransaction({
    id,
  }: {
    id: string,
  }): CancelablePromise<void> {
    return this.httpRequest.request({
      method: 'DELETE',
      url: '/services/haproxy/transactions/{id}',
      path: {
        'id': id,
      },
      errors: {
        404: `No such thing.`,
      },
    });
  }
}
