// Bundles the program into one file, dist/haproxy-gateway.mjs, with templates/ beside it. Usage: node deploy/build.ts [FOLDER]

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
  entryPoints: [join(root, 'operator/main.ts')],
  outfile: join(folder, 'haproxy-gateway.mjs'),
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
