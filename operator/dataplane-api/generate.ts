// Writes src/generated from openapi.yaml. Usage: node generate.ts [OUTPUT-FOLDER]
// Same document, same bytes: CI generates again and compares.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'
import { generate } from 'openapi-typescript-codegen'

const here = dirname(fileURLToPath(import.meta.url))
const output = process.argv[2] ?? join(here, 'src/generated')

rmSync(output, { recursive: true, force: true })
await generate({
  input: join(here, 'openapi.yaml'),
  output,
  clientName: 'GeneratedClient',
  useOptions: true,
  useUnionTypes: true,
  indent: '2',
})
for (const file of readdirSync(output, { recursive: true, encoding: 'utf8' })) {
  if (file.endsWith('.ts')) completeImports(join(output, file))
}

/** The generator leaves the file ending out of relative imports; ES modules need it. */
function completeImports(file: string): void {
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replaceAll(/(from ['"])(\.{1,2}\/[^'"]+?)(?:\.js)?(['"])/g, '$1$2.js$3'))
}
