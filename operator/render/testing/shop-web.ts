// For tests only.

import type { ProxyModel } from '../../model/proxy-model.ts'

/** The Gateway shop/web, with nothing of its own yet. */
export const shopWeb: Pick<ProxyModel, 'id' | 'workload'> = {
  id: 'shop/web',
  workload: {
    name: 'web',
    namespace: 'shop',
    uid: '1',
    className: 'haproxy',
    labels: {},
    annotations: {},
    addresses: [],
    ports: [],
  },
}
