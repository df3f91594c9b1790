// From which namespaces a listener takes routes. https://gateway-api.sigs.k8s.io/reference/spec/#routenamespaces

import type { Gateway, GatewayListener } from '../model/kubernetes.ts'
import type { Snapshot } from '../model/snapshot.ts'

import { family } from '../lib/derive.ts'

import { allowedRoutesOf } from './defaults.ts'

export type AllowedNamespaces =
  | { readonly from: 'All' }
  | { readonly from: 'Same'; readonly namespace: string }
  | { readonly from: 'Selector'; readonly selector: LabelSelector }
  /** The selector is invalid: nobody is let in. */
  | { readonly from: 'None'; readonly fault: string }

/** `metav1.LabelSelector` */
export type LabelSelector = NonNullable<ReturnType<typeof allowedRoutesOf>['selector']>
type Requirement = NonNullable<LabelSelector['matchExpressions']>[number]
type Labels = Readonly<Record<string, string>>

/** `namespace` is what `Same` means: that of the listener's Gateway or ListenerSet. */
export function allowedNamespacesOf(listener: GatewayListener, namespace: string): AllowedNamespaces {
  return allowedBy(allowedRoutesOf(listener), namespace)
}

/** From which namespaces a Gateway takes ListenerSets; without a word of it from none. https://gateway-api.sigs.k8s.io/geps/gep-1713/ */
export function allowedListenersOf({ metadata, spec }: Gateway): AllowedNamespaces {
  const { from = 'None', selector } = spec.allowedListeners?.namespaces ?? {}
  if (from === 'None') return { from, fault: 'allows none; write from: All, Same or Selector' }
  const allowed = allowedBy({ from, selector }, metadata.namespace ?? '')
  return 'fault' in allowed ? { ...allowed, fault: `is not valid, selector ${allowed.fault}` } : allowed
}

type Terms = { readonly from: 'All' | 'Selector' | 'Same'; readonly selector: LabelSelector | undefined }

function allowedBy({ from, selector }: Terms, namespace: string): AllowedNamespaces {
  if (from === 'All') return { from }
  if (from === 'Same') return { from, namespace }
  if (selector === undefined) return { from: 'None', fault: 'is missing although from is Selector' }
  const fault = (selector.matchExpressions ?? []).map(faultOf).find((text) => text !== undefined)
  return fault === undefined ? { from, selector } : { from: 'None', fault }
}

/** Whether routes of a namespace may attach. `labelsOf` gives the labels of a Namespace, undefined when it is not known. */
export function allows(
  allowed: AllowedNamespaces,
  namespace: string,
  labelsOf: (namespace: string) => Labels | undefined,
): boolean {
  if (allowed.from === 'All') return true
  if (allowed.from === 'None') return false
  if (allowed.from === 'Same') return allowed.namespace === namespace
  const labels = labelsOf(namespace)
  return labels !== undefined && selects(allowed.selector, labels)
}

/** The labels of a Namespace, by name; undefined when it is not known. Tracked. */
export function createNamespaceLabels(snapshot: Snapshot): (namespace: string) => Labels | undefined {
  return family((namespace) => {
    const known = snapshot.Namespace.get(namespace)
    return known && { ...known.metadata?.labels, 'kubernetes.io/metadata.name': namespace }
  })
}

/** All requirements must hold; a selector without any selects everything. */
export function selects({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (matchExpressions ?? []).every((requirement) => holds(requirement, labels))
  )
}

const operators: Readonly<Record<string, (value: string | undefined, values: readonly string[]) => boolean>> = {
  In: (value, values) => value !== undefined && values.includes(value),
  NotIn: (value, values) => value === undefined || !values.includes(value),
  Exists: (value) => value !== undefined,
  DoesNotExist: (value) => value === undefined,
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  return operators[operator]?.(value, values ?? []) === true
}

function faultOf({ key, operator, values }: Requirement): string | undefined {
  if (!Object.hasOwn(operators, operator))
    return `has the operator ${operator} for ${key}; write In, NotIn, Exists or DoesNotExist`
  const needsValues = operator === 'In' || operator === 'NotIn'
  if (needsValues === (values ?? []).length > 0) return undefined
  return `has operator ${operator} for ${key} ${needsValues ? 'without' : 'with'} values`
}
