// What a new pod starts from: haproxy.cfg, everything it names, and the Data Plane API's own configuration, as one tar.gz.

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import { dataPlaneApiConfig } from '../model/data-plane-api-config.ts'
import type { RenderedConfig } from '../model/rendered.ts'
import { Secret } from '../model/secret.ts'
import type { DataPlaneSettings } from '../model/settings.ts'
import { finished } from '../lib/turns.ts'

import { configFiles, type ConfigFile, preparingFiles } from './files.ts'

/** Kubernetes takes no Secret with more than 1 MiB in it. */
const mostBytes = 2 ** 20

/** The archive of a configuration, base64, as a Secret's data holds it. Compressed off the main thread. Rejects when no Secret could hold it. */
export async function stateArchive(config: RenderedConfig, settings: DataPlaneSettings): Promise<Secret> {
  await finished(preparingFiles(config))
  const compressed = await promisify(gzip)(tarOf(archiveFiles(config, settings)))
  if (compressed.length > mostBytes)
    throw new Error(
      `what new pods start from takes ${compressed.length} bytes, and a Secret holds ${mostBytes}; divide the routes and certificates among several Gateways.`,
    )
  return new Secret(compressed.toString('base64'))
}

/** Every file a pod starts with. */
export function archiveFiles(config: RenderedConfig, settings: DataPlaneSettings): readonly ConfigFile[] {
  return [
    { name: 'haproxy.cfg', content: config.machine.text },
    { name: 'dataplaneapi.yaml', content: dataPlaneApiConfig(settings) },
    ...configFiles(config, settings),
  ]
}

/** Plain ustar, files only: an entry for a folder would be refused in the pod, where the top folder belongs to another user. */
export function tarOf(files: readonly ConfigFile[]): Buffer {
  const blocks = files.flatMap(({ name, content }) => {
    const bytes = Buffer.from(content instanceof Secret ? content.reveal() : content)
    return [header(name, bytes.length), bytes, Buffer.alloc((blockSize - (bytes.length % blockSize)) % blockSize)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockSize)])
}

const blockSize = 512
/** uid and gid of both programs in the image, octal. */
const owner = '0000143'

function header(name: string, length: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`the file name ${name} is too long for the archive`)
  const block = Buffer.alloc(blockSize)
  const fields: readonly (readonly [number, string])[] = [
    [0, name],
    [100, '0000600'],
    [108, owner],
    [116, owner],
    [124, length.toString(8).padStart(11, '0')],
    [136, '00000000000'],
    [148, '        '],
    [156, '0'],
    [257, 'ustar\u000000'],
  ]
  for (const [at, text] of fields) block.write(text, at)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
