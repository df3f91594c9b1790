import type { HTTPRequestRedirect } from '../../model/kubernetes.ts'
import type { PathChange } from '../../model/proxy-model.ts'

import { pathFault, quoted } from '../routes/writable.ts'
import type { FilterPlace } from './filter-place.ts'

type PathModifier = NonNullable<HTTPRequestRedirect['path']>

/**
 * ReplaceFullPath and ReplacePrefixMatch of rewrites and redirects. A trailing slash of a replaced prefix is ignored, so `/` and an
 * empty value both become empty. https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier
 */
export function translatePathChange(modifier: PathModifier, place: FilterPlace): PathChange | undefined {
  if (modifier.type === 'ReplaceFullPath') return replaceFullPath(modifier.replaceFullPath, place)
  if (modifier.type === 'ReplacePrefixMatch') return replacePrefix(modifier.replacePrefixMatch, place)
  place.refuse(
    `${place.field}.type`,
    `${quoted(String(modifier.type))} is not supported; write ReplaceFullPath or ReplacePrefixMatch.`,
  )
  return undefined
}

function replaceFullPath(value: string | undefined, { field, refuse }: FilterPlace): PathChange | undefined {
  const fault = value === undefined ? 'is missing; write the new path.' : pathFault(value)
  if (fault !== undefined) refuse(`${field}.replaceFullPath`, fault)
  return { kind: 'full', value: value ?? '/' }
}

function replacePrefix(value: string | undefined, { field, prefix, refuse }: FilterPlace): PathChange | undefined {
  const fault = value === undefined ? 'is missing; write the new prefix.' : value === '' ? undefined : pathFault(value)
  if (fault !== undefined) refuse(`${field}.replacePrefixMatch`, fault)
  if (prefix !== undefined) return { kind: 'prefix', prefix, value: (value ?? '').replace(/\/$/, '') }
  refuse(
    `${field}.type`,
    'ReplacePrefixMatch needs to know the prefix: give the rule exactly one match, with a path of type PathPrefix.',
  )
  return undefined
}
