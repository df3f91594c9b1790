// Bundles the programs into one file each, with templates/ beside them: dist/haproxy-gateway.mjs, and dist/dataplaneapi.mjs, the embedded Data
// Plane API, which is a tenth of it and runs in every data plane pod of the test cluster. Usage: node deploy/build.ts [FOLDER]

import { build } from 'esbuild'
import { cp, mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')
const folder = resolve(process.argv[2] ?? join(root, 'dist'))

// Packages in CommonJS call require, which an ES module does not have.
const banner = `import { createRequire as createRequireOfBundle } from 'node:module'
const require = createRequireOfBundle(import.meta.url)`

await mkdir(folder, { recursive: true })
await build({
  entryPoints: {
    'haproxy-gateway': join(root, 'operator/main.ts'),
    dataplaneapi: join(root, 'operator/embedded/dataplaneapi.ts'),
  },
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  banner: { js: banner },
  // Names stay, for classes print them in logs; white space goes.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
})
await rm(join(folder, 'templates'), { recursive: true, force: true })
await cp(join(root, 'templates'), join(folder, 'templates'), { recursive: true })
