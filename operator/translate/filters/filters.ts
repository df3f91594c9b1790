import type { HTTPFilter } from '../../model/kubernetes.ts'
import type { Filter, HeaderChange, Redirect } from '../../model/proxy-model.ts'

import { quoted } from '../routes/writable.ts'
import type { FilterPlace } from './filter-place.ts'
import { composeHeaderChanges, isNoChange } from './header-change.ts'
import { translateHeaderModifier } from './header-modifier.ts'
import { translateRedirect } from './redirect.ts'
import { translateUrlRewrite } from './url-rewrite.ts'

/** What a list of filters does to a request. A redirect ends it. */
export type FilterSteps = { readonly filters: readonly Filter[]; readonly redirect?: Redirect }

type Step = Filter | { readonly kind: 'redirect'; readonly redirect: Redirect }
type HeaderFilterKind = 'request-headers' | 'response-headers'
type FilterTranslator = (filter: HTTPFilter, place: FilterPlace) => Step | undefined

const translators = {
  RequestHeaderModifier: (filter, place) => translateHeaderModifier('request', filter.requestHeaderModifier, place),
  ResponseHeaderModifier: (filter, place) => translateHeaderModifier('response', filter.responseHeaderModifier, place),
  RequestRedirect: (filter, place) => translateRedirect(filter.requestRedirect, place),
  URLRewrite: (filter, place) => translateUrlRewrite(filter.urlRewrite, place),
  RequestMirror: refuseType,
  CORS: refuseType,
  ExtensionRef: refuseType,
  ExternalAuth: refuseType,
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
    if (step !== undefined && filters.findIndex(({ type }) => type === filter.type) !== index)
      place.refuse(field, `is a second ${filter.type} filter; write each type once.`)
    return step ?? []
  })
  const redirect = steps.find((step) => step.kind === 'redirect')?.redirect
  const others = steps.filter((step) => step.kind !== 'redirect')
  if (redirect === undefined) return { filters: mergeFilters(others) }
  if (others.some(({ kind }) => kind === 'url-rewrite'))
    place.refuse(
      place.field,
      'RequestRedirect and URLRewrite exclude each other; keep one of them.',
      'IncompatibleFilters',
    )
  // Nothing is forwarded, so what would change the forwarded request has nothing to act on.
  return { filters: mergeFilters(others.filter(({ kind }) => kind === 'response-headers')), redirect }
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
} satisfies Record<Filter['kind'], (filters: readonly Filter[]) => readonly Filter[]>

function mergeHeaderChanges(kind: HeaderFilterKind, filters: readonly Filter[]): readonly Filter[] {
  const changes = filters.flatMap((filter): readonly HeaderChange[] => (filter.kind === kind ? [filter.change] : []))
  const change = composeHeaderChanges(changes)
  return isNoChange(change) ? [] : [{ kind, change }]
}

/** Bytes of all header names and values that the filters carry. */
export function headerBytes(filters: readonly Filter[]): number {
  const texts = filters.flatMap((filter) => {
    if (filter.kind === 'url-rewrite') return []
    const { remove, set, add } = filter.change
    return [...remove, ...[...set, ...add].flatMap(({ name, value }) => [name, value])]
  })
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}

function translateFilter(filter: HTTPFilter, place: FilterPlace): Step | undefined {
  if (Object.hasOwn(translators, filter.type)) return translators[filter.type](filter, place)
  return refuseType(filter, place)
}

function refuseType(filter: HTTPFilter, place: FilterPlace): undefined {
  place.refuse(
    `${place.field}.type`,
    `${quoted(filter.type)} is not supported; use ${supported.join(', ')}, or leave it out.`,
  )
}
