// For tests only: Kubernetes objects → a running HAProxy with what the product makes of them.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { KubernetesObject } from '../model/kubernetes.ts'
import type { ProxyModel } from '../model/proxy-model.ts'
import { defaultDataPlane } from '../model/settings.ts'
import type { ObjectKey } from '../model/snapshot.ts'
import { loadRenderer } from '../render/render.ts'
import { createTranslator } from '../translate/translate.ts'
import { snapshotFromObjects } from '../watch/files.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { startHaproxy, temporaryFolder, writeFiles } from './haproxy-files.ts'

const templates = join(import.meta.dirname, '../../templates')

/**
 * Runs `work` while HAProxy serves the Gateway `gateway` of the objects, on the ports of its listeners. The endpoints of slices may have any
 * address that is allowed: they are looked for on this machine, on the same port. `root`: the folder with HAProxy's files.
 */
export async function serving(
  haproxy: string,
  { objects, gateway }: { readonly objects: readonly KubernetesObject[]; readonly gateway: ObjectKey },
  work: (root: string) => Promise<void>,
): Promise<void> {
  const [statusPort = 0] = await freePorts(1)
  const { root, remove } = temporaryFolder()
  try {
    const render = loadRenderer(templates, { ...defaultDataPlane, root, statusPort })
    writeFiles(root, render(proxyOf(objects, gateway)))
    const backends = join(root, 'backends.cfg')
    const text = readFileSync(backends, 'utf8')
    writeFileSync(backends, text.replaceAll(/^( +server \S+) [\d.]+:/gm, '$1 127.0.0.1:'))
    const running = await startHaproxy(haproxy, root)
    try {
      await work(root)
    } finally {
      await running.stop()
    }
  } finally {
    remove()
  }
}

function proxyOf(objects: readonly KubernetesObject[], gateway: ObjectKey): ProxyModel {
  const { proxies } = createTranslator(snapshotFromObjects(objects))()
  const proxy = proxies.find(({ id }) => id === gateway)
  if (proxy === undefined) throw new Error(`Gateway ${gateway} is not served`)
  return proxy
}
