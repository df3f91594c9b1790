import type { HTTPRequestRedirect } from '../../model/kubernetes.ts'
import type { Action, Port, Redirect, Rule } from '../../model/proxy-model.ts'

import { isPort } from '../ports.ts'
import { httpDefaults } from '../routes/http-defaults.ts'
import { hostnameFault, quoted } from '../routes/writable.ts'
import type { FilterPlace } from './filter-place.ts'
import { translatePathChange } from './path-change.ts'

/** The listener that a request came in by, as far as redirects depend on it. */
export type ListenerPlace = { readonly port: Port; readonly tls: boolean }

const statuses: readonly Redirect['status'][] = [301, 302, 303, 307, 308]
const wellKnownPorts = { http: 80, https: 443 } as const

/**
 * RequestRedirect, as far as the route alone knows it: scheme and port as the user wrote them, to be completed by `rulesAtListener`.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter
 */
export function translateRedirect(
  redirect: HTTPRequestRedirect | undefined,
  place: FilterPlace,
): { readonly kind: 'redirect'; readonly redirect: Redirect } | undefined {
  const field = `${place.field}.requestRedirect`
  if (redirect === undefined) {
    place.refuse(field, 'is missing; write where to.')
    return undefined
  }
  checkRedirect(redirect, { ...place, field })
  const { scheme, hostname, port, statusCode = httpDefaults.redirectStatus } = redirect
  const path = redirect.path && translatePathChange(redirect.path, { ...place, field: `${field}.path` })
  return {
    kind: 'redirect',
    redirect: {
      ...(scheme === undefined ? {} : { scheme }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(port === undefined ? {} : { port }),
      ...(path === undefined ? {} : { path }),
      status: statusCode,
    },
  }
}

/**
 * The rules as a listener serves them: where a redirect leaves scheme or port open, they are the listener's, or the scheme's
 * well-known port; a port that the scheme implies is left out of the Location. Without redirects, the same array.
 */
export function rulesAtListener(rules: readonly Rule[], listener: ListenerPlace): readonly Rule[] {
  if (!rules.some(({ action }) => redirects(action))) return rules
  return rules.map((rule) => (redirects(rule.action) ? { ...rule, action: actionAt(rule.action, listener) } : rule))
}

function redirects(action: Action): boolean {
  return (
    action.kind === 'redirect' || (action.kind === 'forward' && action.targets.some(({ kind }) => kind === 'redirect'))
  )
}

function actionAt(action: Action, listener: ListenerPlace): Action {
  if (action.kind === 'redirect') return { ...action, redirect: redirectAt(action.redirect, listener) }
  if (action.kind !== 'forward') return action
  const targets = action.targets.map((target) =>
    target.kind === 'redirect' ? { ...target, redirect: redirectAt(target.redirect, listener) } : target,
  )
  return { ...action, targets }
}

function redirectAt({ port: asked, ...redirect }: Redirect, listener: ListenerPlace): Redirect {
  const scheme = redirect.scheme ?? (listener.tls ? 'https' : 'http')
  const port = asked ?? (redirect.scheme === undefined ? listener.port : wellKnownPorts[redirect.scheme])
  return port === wellKnownPorts[scheme] ? { ...redirect, scheme } : { ...redirect, scheme, port }
}

function checkRedirect(redirect: HTTPRequestRedirect, { field, refuse }: FilterPlace): void {
  const { scheme, hostname, port, statusCode } = redirect
  if (scheme !== undefined && !Object.hasOwn(wellKnownPorts, scheme))
    refuse(`${field}.scheme`, `${quoted(scheme)} is not supported; write http or https.`)
  const fault = hostname === undefined ? undefined : hostnameFault(hostname)
  if (fault !== undefined) refuse(`${field}.hostname`, fault)
  if (port !== undefined && !isPort(port))
    refuse(`${field}.port`, `${port} is not a port; write a number from 1 to 65535.`)
  if (statusCode !== undefined && !statuses.includes(statusCode))
    refuse(`${field}.statusCode`, `${statusCode} is not supported; write one of ${statuses.join(', ')}.`)
}
