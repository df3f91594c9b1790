// For tests only: Kubernetes objects → a running HAProxy with what the product makes of them.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { KubernetesObject } from '../model/kubernetes.ts'
import type { ProxyModel } from '../model/proxy-model.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import type { ObjectKey } from '../model/snapshot.ts'
import { loadRenderer } from '../render/render.ts'
import { createTranslator } from '../translate/translate.ts'
import { snapshotFromObjects } from '../watch/files.ts'
import { freePorts } from '../../e2e/lib/free-ports.ts'

import { settingsAt, startHaproxy, temporaryFolder, writeFiles } from './haproxy-files.ts'

const templates = join(import.meta.dirname, '../../templates')

/**
 * Runs `work` while HAProxy serves the Gateway `gateway` of the objects, on the ports of its listeners. The endpoints of slices may have any
 * address that is allowed: they are looked for on this machine, on the same port. `root`: the folder with HAProxy's files, `settings` with its ports.
 */
export async function serving(
  haproxy: string,
  { objects, gateway }: { readonly objects: readonly KubernetesObject[]; readonly gateway: ObjectKey },
  work: (root: string, settings: DataPlaneSettings) => Promise<void>,
): Promise<void> {
  const [statusPort = 0, runtimePort = 0] = await freePorts(2)
  const { root, remove } = temporaryFolder()
  try {
    const settings = settingsAt(root, { statusPort, runtimePort })
    const render = loadRenderer(templates, settings)
    writeFiles(root, render(proxyOf(objects, gateway)))
    const backends = join(root, 'backends.cfg')
    const text = readFileSync(backends, 'utf8')
    writeFileSync(backends, text.replaceAll(/^( +server \S+) [\d.]+:/gm, '$1 127.0.0.1:'))
    const running = await startHaproxy(haproxy, root)
    try {
      await work(root, settings)
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
