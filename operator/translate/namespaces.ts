// From which namespaces a listener takes routes. https://gateway-api.sigs.k8s.io/reference/spec/#routenamespaces

import type { GatewayListener } from '../model/kubernetes.ts'

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

/** `gatewayNamespace` is what `Same` means. */
export function allowedNamespacesOf(listener: GatewayListener, gatewayNamespace: string): AllowedNamespaces {
  const { from, selector } = allowedRoutesOf(listener)
  if (from === 'All') return { from }
  if (from === 'Same') return { from, namespace: gatewayNamespace }
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
