import type { FrontendTls, SniCertificate } from '../../model/proxy-model.ts'

import { itemsOf } from '../../lib/parts.ts'

/** What a frontend shows, the default certificate first unless one for any hostname takes its place. */
export function shownBy(frontend: { readonly tls?: FrontendTls } | undefined): readonly SniCertificate[] {
  return itemsOf(frontend?.tls?.certificates).toSorted((a, b) => (a.precedence < b.precedence ? -1 : 1))
}
