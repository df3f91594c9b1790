import type { HTTPUrlRewrite } from '../../model/kubernetes.ts'
import type { Filter } from '../../model/proxy-model.ts'

import { hostnameFault } from '../routes/writable.ts'
import type { FilterPlace } from './filter-place.ts'
import { translatePathChange } from './path-change.ts'

/** URLRewrite: the Host header and the path of the forwarded request. https://gateway-api.sigs.k8s.io/reference/spec/#httpurlrewritefilter */
export function translateUrlRewrite(rewrite: HTTPUrlRewrite | undefined, place: FilterPlace): Filter | undefined {
  const field = `${place.field}.urlRewrite`
  if (rewrite === undefined) {
    place.refuse(field, 'is missing; write the new hostname or path.')
    return undefined
  }
  const { hostname } = rewrite
  const fault = hostname === undefined ? undefined : hostnameFault(hostname)
  if (fault !== undefined) place.refuse(`${field}.hostname`, fault)
  const path = rewrite.path && translatePathChange(rewrite.path, { ...place, field: `${field}.path` })
  if (hostname === undefined && path === undefined) return undefined
  return {
    kind: 'url-rewrite',
    ...(hostname === undefined ? {} : { hostname }),
    ...(path === undefined ? {} : { path }),
  }
}
