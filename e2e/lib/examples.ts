// Applying e2e/examples as its README tells, for the demo and for the tests.

import { apply, applyExample, deleteNamespaces, kubectl } from './cluster.ts'
import { selfSigned, tlsSecret, type KeyPair } from './certificates.ts'
import { acceptedRoute, programmedAddress } from './gateway.ts'

export const exampleNamespaces = ['infra', 'apps', 'shared-services', 'team-blue'] as const

const routes = [
  'checkout.yaml',
  'https-redirect.yaml',
  'store-grant.yaml',
  'store.yaml',
  'checkout-advanced.yaml',
] as const

/** Namespaces, backends and the certificate: what is there before anybody thinks of a Gateway. */
export async function prepareExamples(): Promise<KeyPair> {
  await applyExample('namespaces.yaml')
  const pair = await selfSigned(['shop.example.com', 'store.example.com'])
  await apply(tlsSecret('infra', 'edge-certificate', pair))
  await applyExample('backends.yaml')
  for (const namespace of exampleNamespaces.slice(1)) {
    await kubectl(['-n', namespace, 'rollout', 'status', 'deployment', '--timeout=90s'])
  }
  return pair
}

export type ExampleAddresses = { readonly edge: string; readonly blue: string; readonly connections: string }

/** Everything else; resolves when both Gateways are programmed and all routes accepted. */
export async function applyExamples(): Promise<ExampleAddresses> {
  for (const file of ['edge.yaml', 'team-blue.yaml', ...routes, 'connections.yaml']) await applyExample(file)
  const [edge, blue, connections] = await Promise.all([
    programmedAddress('infra', 'edge'),
    programmedAddress('team-blue', 'blue'),
    programmedAddress('infra', 'connections'),
  ])
  for (const name of ['checkout', 'https-redirect', 'store', 'checkout-advanced']) await acceptedRoute('apps', name)
  return { edge, blue, connections }
}

export async function removeExamples(): Promise<void> {
  await deleteNamespaces(exampleNamespaces)
}
