// From objects of a cluster to what a pod of this machine loads.

import { join } from 'node:path'

import { expect } from 'chai'

import type { KubernetesObject } from '../../operator/model/kubernetes.ts'
import type { BackendSection, RenderedConfig } from '../../operator/model/rendered.ts'
import type { DataPlaneSettings } from '../../operator/model/settings.ts'
import { loadRenderer } from '../../operator/render/render.ts'
import { createTranslator } from '../../operator/translate/translate.ts'
import { snapshotFromObjects } from '../../operator/watch/files.ts'

const templates = join(import.meta.dirname, '../../templates')
const renderers = new WeakMap<DataPlaneSettings, (objects: readonly KubernetesObject[]) => RenderedConfig>()

/** What is rendered for the only Gateway among some objects, with all endpoints on this machine. */
export function render(settings: DataPlaneSettings): (objects: readonly KubernetesObject[]) => RenderedConfig {
  const known = renderers.get(settings)
  if (known !== undefined) return known
  const renderProxy = loadRenderer(templates, settings)
  const renderObjects = (objects: readonly KubernetesObject[]): RenderedConfig => {
    const [proxy] = createTranslator(snapshotFromObjects(objects), settings)().proxies
    return atHome(renderProxy(proxy ?? expect.fail('the Gateway is not served')))
  }
  renderers.set(settings, renderObjects)
  return renderObjects
}

// Endpoints cannot have addresses of this machine; their servers are here all the same.
function atHome(config: RenderedConfig): RenderedConfig {
  const here = (section: BackendSection): BackendSection => ({
    ...section,
    servers: new Map([...section.servers].map(([name, line]) => [name, { ...line, address: '127.0.0.1' }])),
    text: section.text.replaceAll(/^( +server \S+) [\d.]+:/gm, '$1 127.0.0.1:'),
  })
  return { ...config, backends: new Map([...config.backends].map(([name, section]) => [name, here(section)])) }
}
