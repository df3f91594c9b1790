// What HAProxy loads at start although nothing names it yet: servers that are added at run time find it in memory.

import { isCaFile } from '../model/names.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import type { DataPlaneSettings } from '../model/settings.ts'

type Loaded = Pick<RenderedConfig, 'authorities' | 'clientCertificate'>

/** The sections that stand before all backends; empty when there is nothing to load. Authorities of clients are named by the ports themselves. */
export function preloads({ authorities, clientCertificate }: Loaded, { root }: DataPlaneSettings): string {
  const files = [...new Set(authorities.keys())].filter(isCaFile).toSorted()
  const trusted = files.map((file) => `    default-server ca-file ${file}\n`)
  return [
    ...(clientCertificate === undefined ? [] : [`crt-store\n    load crt ${root}/ssl/${clientCertificate}\n`]),
    ...(trusted.length === 0 ? [] : [`defaults authorities\n${trusted.join('')}`]),
  ].join('\n')
}
