import type { HTTPFilter } from '../../model/kubernetes.ts'
import type { Filter, Header, HeaderChange } from '../../model/proxy-model.ts'

import { nameFault, quoted, valueFault } from '../routes/writable.ts'
import type { FilterPlace } from './filter-place.ts'

type HeaderModifier = NonNullable<HTTPFilter['requestHeaderModifier']>

/** HAProxy frames messages itself; another length or encoding beside its own would split one message into two. */
const framing = new Set(['content-length', 'transfer-encoding'])

/**
 * RequestHeaderModifier and ResponseHeaderModifier. Of equal names in one list the first counts; a name in two lists is an error.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httpheaderfilter
 */
export function translateHeaderModifier(
  direction: 'request' | 'response',
  modifier: HeaderModifier | undefined,
  place: FilterPlace,
): Filter | undefined {
  const field = `${place.field}.${direction}HeaderModifier`
  if (modifier === undefined) {
    place.refuse(field, 'is missing; write which headers to set, add or remove.')
    return undefined
  }
  const change: HeaderChange = {
    remove: firstOfEach(modifier.remove ?? [], (name) => name),
    set: firstOfEach(modifier.set ?? [], ({ name }) => name).map(headerOf),
    add: firstOfEach(modifier.add ?? [], ({ name }) => name).map(headerOf),
  }
  checkNames(change, { ...place, field })
  for (const list of ['set', 'add'] as const)
    for (const { name, value } of change[list]) {
      const fault = valueFault(value)
      if (fault !== undefined) place.refuse(`${field}.${list}`, `the value of ${quoted(name)} ${fault}`)
    }
  return { kind: direction === 'request' ? 'request-headers' : 'response-headers', change }
}

function checkNames(change: HeaderChange, { field, refuse }: FilterPlace): void {
  const names = [...change.remove, ...[...change.set, ...change.add].map(({ name }) => name)]
  for (const [index, name] of names.entries()) {
    const fault = nameFault(name)
    if (fault !== undefined) refuse(field, fault)
    const lower = name.toLowerCase()
    if (framing.has(lower)) refuse(field, `${quoted(name)} frames the message and is HAProxy's own; leave it out.`)
    if (names.findIndex((other) => other.toLowerCase() === lower) !== index)
      refuse(field, `${quoted(name)} stands in more than one of set, add and remove; keep one of them.`)
  }
}

function firstOfEach<T>(entries: readonly T[], nameOf: (entry: T) => string): readonly T[] {
  const seen = new Set<string>()
  return entries.filter((entry) => {
    const name = nameOf(entry).toLowerCase()
    return seen.has(name) ? false : seen.add(name)
  })
}

function headerOf({ name, value }: Header): Header {
  return { name, value }
}
