// From an edit to the words on the reload that it takes: what for, and because of which object.

import { expect } from 'chai'
import { join } from 'node:path'

import type { HTTPRoute, KubernetesObject } from '../model/kubernetes.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { change } from '../push/change.ts'
import { freshlyLoaded } from '../push/held.ts'
import { explain, labelOf } from '../push/reload-reasons.ts'
import { loadRenderer } from '../render/render.ts'
import { gateway, gatewayClass, listener, listenerSet, route, service } from '../translate/testing/objects.ts'
import { createTranslator } from '../translate/translate.ts'
import { snapshotFromObjects } from '../watch/files.ts'

type Rule = NonNullable<HTTPRoute['spec']['rules']>[number]

const settings = { ...defaultDataPlane, spares: { ...defaultDataPlane.spares, plain: 0, filtered: 0, tcp: 0 } }
const render = loadRenderer(join(import.meta.dirname, '../../templates'), settings)
const web = (...more: Parameters<typeof listener>) =>
  gateway('shop/web', [listener(), ...more.map(listener)], { allowedListeners: { namespaces: { from: 'Same' } } })
const cart = (rule: Rule, name = 'service') =>
  route('shop/cart', [{ name: 'web' }], { rules: [{ backendRefs: [{ name, port: 8080 }], ...rule }] })
const start: readonly KubernetesObject[] = [
  gatewayClass(),
  web(),
  service('shop/service'),
  service('shop/another'),
  cart({ matches: [{ headers: [{ name: 'x-old', value: '1' }] }] }),
]

/** What a pod that holds `start` is reloaded for after these edits. */
function told(...edits: readonly KubernetesObject[]): { readonly label: string; readonly reasons: readonly string[] } {
  const snapshot = snapshotFromObjects(start)
  const translate = createTranslator(snapshot)
  const rendered = (): RenderedConfig => render(translate().proxies[0] ?? expect.fail('no proxy'))
  const before = rendered()
  for (const edit of edits) snapshot.put(edit)
  const wanted = rendered()
  const plan = change(freshlyLoaded(before, settings), wanted)
  return plan.kind === 'reload'
    ? { label: labelOf(plan), reasons: explain(plan, wanted) }
    : { label: 'none', reasons: [] }
}

describe('words on a reload', () => {
  const old = { headers: [{ name: 'x-old', value: '1' }] }
  const cases: readonly {
    readonly name: string
    readonly edits: readonly KubernetesObject[]
    readonly label: string
    readonly reasons: readonly string[]
  }[] = [
    {
      name: 'a new header name, and one that is not used any more',
      edits: [cart({ matches: [{ headers: [{ name: 'X-Release-Channel', value: 'beta' }] }] })],
      label: 'header',
      reasons: ['header x-release-channel (HTTPRoute shop/cart)'],
    },
    {
      name: 'nothing, for a header name that is not used any more',
      edits: [cart({})],
      label: 'none',
      reasons: [],
    },
    {
      name: 'a new query parameter name',
      edits: [cart({ matches: [{ ...old, queryParams: [{ name: 'version', value: '2' }] }] })],
      label: 'query',
      reasons: ['query parameter version (HTTPRoute shop/cart)'],
    },
    {
      name: 'a new port of a ListenerSet',
      edits: [listenerSet('shop/more', 'web', [listener({ port: 8080 })])],
      label: 'port',
      reasons: ['port 8080 (ListenerSet shop/more)'],
    },
    {
      name: 'a new port of the Gateway',
      edits: [web({ name: 'other', port: 81 })],
      label: 'port',
      reasons: ['port 81 (Gateway shop/web)'],
    },
    {
      name: 'a new retry policy',
      edits: [cart({ matches: [old], retry: { attempts: 3, codes: [503, 500] } })],
      label: 'profile',
      reasons: ['profile retry.3.500-503 (HTTPRoute shop/cart)'],
    },
    {
      name: 'a Service for which no spare is left',
      edits: [cart({ matches: [old] }, 'another')],
      label: 'spares',
      reasons: ['no spare of profile plain is left for backend shop_another_8080 (HTTPRoute shop/cart)'],
    },
    {
      name: 'nothing, for a known header with another value',
      edits: [cart({ matches: [{ headers: [{ name: 'x-old', value: '2' }] }] })],
      label: 'none',
      reasons: [],
    },
  ]
  for (const { name, edits, label, reasons } of cases)
    it(`name the object: ${name}`, () => {
      expect(told(...edits)).to.deep.equal({ label, reasons })
    })
})
