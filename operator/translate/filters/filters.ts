import type { HTTPFilter } from '../../model/kubernetes.ts'
import type { Filter, HeaderChange, Redirect } from '../../model/proxy-model.ts'

import { quoted } from '../routes/writable.ts'
import { translateCors } from './cors.ts'
import { translateExternalAuth } from './external-auth.ts'
import type { FilterPlace } from './filter-place.ts'
import { composeHeaderChanges, isNoChange } from './header-change.ts'
import { translateHeaderModifier } from './header-modifier.ts'
import { translateMirror } from './mirror.ts'
import { translateRedirect } from './redirect.ts'
import { translateUrlRewrite } from './url-rewrite.ts'

/** What a list of filters does to a request. A redirect ends it. */
export type FilterSteps = {
  readonly filters: readonly Filter[]
  readonly redirect?: Redirect
  /** Who would have to allow a request cannot be asked: none may go on. */
  readonly closed?: true
}

type Step = Filter | { readonly kind: 'redirect'; readonly redirect: Redirect } | { readonly kind: 'closed' }
type HeaderFilterKind = 'request-headers' | 'response-headers'
type FilterTranslator = (filter: HTTPFilter, place: FilterPlace) => Step | undefined

const translators = {
  RequestHeaderModifier: (filter, place) => translateHeaderModifier('request', filter.requestHeaderModifier, place),
  ResponseHeaderModifier: (filter, place) => translateHeaderModifier('response', filter.responseHeaderModifier, place),
  RequestRedirect: (filter, place) => translateRedirect(filter.requestRedirect, place),
  URLRewrite: (filter, place) => translateUrlRewrite(filter.urlRewrite, place),
  RequestMirror: (filter, place) => translateMirror(filter.requestMirror, place),
  CORS: (filter, place) => translateCors(filter.cors, place),
  ExtensionRef: refuseType,
  ExternalAuth: (filter, place) => translateExternalAuth(filter.externalAuth, place),
} satisfies Record<HTTPFilter['type'], FilterTranslator>

const supported = Object.entries(translators).flatMap(([type, translate]) => (translate === refuseType ? [] : [type]))

/**
 * The filters of a rule or of a backendRef. What cannot be programmed is refused, never skipped.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter
 */
export function translateFilters(filters: readonly HTTPFilter[], place: FilterPlace): FilterSteps {
  const steps = filters.flatMap((filter, index) => {
    const field = `${place.field}[${index}]`
    const step = translateFilter(filter, { ...place, field })
    const repeatable = filter.type === 'RequestMirror'
    if (step !== undefined && !repeatable && filters.findIndex(({ type }) => type === filter.type) !== index)
      place.refuse(field, `is a second ${filter.type} filter; write each type once.`)
    return step ?? []
  })
  const redirect = steps.find((step) => step.kind === 'redirect')?.redirect
  const others = steps.filter((step) => step.kind !== 'redirect' && step.kind !== 'closed')
  const closed = steps.some(({ kind }) => kind === 'closed') ? { closed: true as const } : {}
  if (redirect === undefined) return { filters: mergeFilters(others), ...closed }
  if (others.some(({ kind }) => kind === 'url-rewrite'))
    place.refuse(
      place.field,
      'RequestRedirect and URLRewrite exclude each other; keep one of them.',
      'IncompatibleFilters',
    )
  return { filters: mergeFilters(others.filter(actsOnRedirect)), redirect, ...closed }
}

/** Where nothing is forwarded, what would change or copy the forwarded request has nothing to act on. */
export function actsOnRedirect({ kind }: Filter): boolean {
  return kind === 'response-headers' || kind === 'cors' || kind === 'external-auth'
}

/** At most one filter of each kind that does what all of them do one after the other. */
export function mergeFilters(filters: readonly Filter[]): readonly Filter[] {
  return Object.values(mergers).flatMap((merge) => merge(filters))
}

// One row per kind, so that the compiler asks for the row of a new kind: without one its filters would be lost here.
const mergers = {
  'request-headers': (filters) => mergeHeaderChanges('request-headers', filters),
  'response-headers': (filters) => mergeHeaderChanges('response-headers', filters),
  // Both parts of a rewrite replace what the request came with, so of two the later one counts.
  'url-rewrite': (filters) => {
    const rewrites = filters.filter((filter) => filter.kind === 'url-rewrite')
    return rewrites.length === 0 ? [] : [rewrites.reduce((earlier, later) => ({ ...earlier, ...later }))]
  },
  // The backendRef's stands behind the rule's and says more precisely what is meant.
  cors: (filters) => filters.filter((filter) => filter.kind === 'cors').slice(-1),
  mirror: (filters) => {
    const mirrors = filters.flatMap((filter) => (filter.kind === 'mirror' ? filter.mirrors : []))
    return mirrors.length === 0 ? [] : [{ kind: 'mirror', mirrors }]
  },
  // All of them have to allow it.
  'external-auth': (filters) => {
    const auths = filters.flatMap((filter) => (filter.kind === 'external-auth' ? filter.auths : []))
    return auths.length === 0 ? [] : [{ kind: 'external-auth', auths }]
  },
} satisfies Record<Filter['kind'], (filters: readonly Filter[]) => readonly Filter[]>

function mergeHeaderChanges(kind: HeaderFilterKind, filters: readonly Filter[]): readonly Filter[] {
  const changes = filters.flatMap((filter): readonly HeaderChange[] => (filter.kind === kind ? [filter.change] : []))
  const change = composeHeaderChanges(changes)
  return isNoChange(change) ? [] : [{ kind, change }]
}

/** Bytes of all that lists in the filters carry: header names and values with their lengths, origins, methods, and what stands for a mirror. */
export function listBytes(filters: readonly Filter[]): number {
  return filters.flatMap(listsIn).reduce((sum, text) => sum + Buffer.byteLength(text) + bytesOfLength, 0)
}

const bytesOfLength = 3

const corsHeaders = ['allow-credentials', 'allow-headers', 'allow-methods', 'expose-headers', 'max-age'].map(
  (name) => `access-control-${name}`,
)
/** What a record says of a backend that it refers to: an id of this length. */
const entryInRecord = '@x.'.padEnd(24)

function listsIn(filter: Filter): readonly string[] {
  if (filter.kind === 'url-rewrite') return []
  if (filter.kind === 'mirror') return filter.mirrors.map(() => entryInRecord)
  if (filter.kind === 'external-auth')
    return filter.auths.flatMap(({ requestHeaders, responseHeaders, pathPrefix }) => [
      entryInRecord,
      pathPrefix,
      ...[...requestHeaders, ...responseHeaders].map((name) => `${encodeURIComponent(name)},`),
    ])
  if (filter.kind === 'cors') {
    const { origins, methods, requestHeaders, responseHeaders } = filter.cors
    return [...corsHeaders, ...origins, ...methods, ...requestHeaders, ...responseHeaders].map((text) => `${text}, `)
  }
  const { remove, set, add } = filter.change
  return [...remove, ...[...set, ...add].flatMap(({ name, value }) => [name, value])]
}

function translateFilter(filter: HTTPFilter, place: FilterPlace): Step | undefined {
  if (Object.hasOwn(translators, filter.type) && isKnown(filter.type, place))
    return translators[filter.type](filter, place)
  return refuseType(filter, place)
}

function isKnown(type: string, { types }: FilterPlace): boolean {
  return types === undefined || types.includes(type)
}

function refuseType(filter: HTTPFilter, place: FilterPlace): undefined {
  const usable = supported.filter((type) => isKnown(type, place))
  place.refuse(
    `${place.field}.type`,
    `${quoted(filter.type)} is not supported; use ${usable.join(', ')}, or leave it out.`,
  )
}
