// Writes the result of the conformance suite into README.md, between its markers, from the report that a run left here.
// Usage: node e2e/conformance/table.ts [REPORT]

import { readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'yaml'

type Statistics = { readonly Passed: number; readonly Failed: number; readonly Skipped: number }
type Part = {
  readonly result: string
  readonly statistics: Statistics
  readonly supportedFeatures?: readonly string[]
  readonly unsupportedFeatures?: readonly string[]
}
type Report = {
  readonly gatewayAPIVersion: string
  readonly gatewayAPIChannel: string
  readonly implementation: { readonly version: string }
  readonly profiles: readonly { readonly name: string; readonly core: Part; readonly extended?: Part }[]
}

const root = new URL('../../', import.meta.url)
const version = /^ {2}"version": "(.*)",$/m.exec(read('package.json'))?.[1] ?? ''
const [file = new URL(`report-${version}.yaml`, import.meta.url)] = process.argv.slice(2)
const report: Report = parse(readFileSync(file, 'utf8'))
const [begin, end] = ['<!-- conformance: written by e2e/conformance/table.ts -->', '<!-- /conformance -->']

const before = read('README.md')
const after = before.replace(new RegExp(`${begin}[^]*?${end}`), () => `${begin}\n${tableOf(report).join('\n')}\n${end}`)
if (!after.includes(begin)) throw new Error(`README.md has no ${begin}`)
if (after !== before) writeFileSync(new URL('README.md', root), after)

function tableOf({ gatewayAPIVersion, gatewayAPIChannel, profiles, implementation }: Report): readonly string[] {
  const rows = profiles
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, core, extended }) => {
      const features = extended?.supportedFeatures?.length ?? 0
      const all = features + (extended?.unsupportedFeatures?.length ?? 0)
      const cells = [
        name,
        result(core),
        all === 0 ? 'none exist' : `${features} of ${all}`,
        extended ? result(extended) : '',
      ]
      return `| ${cells.join(' | ')} |`
    })
  return [
    `Conformance suite ${gatewayAPIVersion}, ${gatewayAPIChannel} channel, version ${implementation.version}:`,
    '',
    '| Profile | Core tests | Extended features | Their tests |',
    '|---|---|---|---|',
    ...rows,
  ]
}

function result({ statistics: { Passed, Failed, Skipped } }: Part): string {
  const words = [
    `${Passed} passed`,
    ...(Failed > 0 ? [`${Failed} failed`] : []),
    ...(Skipped > 0 ? [`${Skipped} skipped`] : []),
  ]
  return words.join(', ')
}

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}
