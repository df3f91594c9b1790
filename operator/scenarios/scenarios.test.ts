// Runs every folder beside this file: input.yaml → everything that would go out, compared with expected/ to the byte.
// `make golden` (GOLDEN=write) writes expected/ anew; what is reviewed is the difference.

import { expect } from 'chai'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'

import type { Outcome, RenderedConfig } from '../model/rendered.ts'
import { defaultDataPlane } from '../model/settings.ts'
import { provision } from '../provision/provision.ts'
import { loadRenderer } from '../render/render.ts'
import { createStatuses } from '../status/status.ts'
import { createTranslator, supportedFeatures } from '../translate/translate.ts'
import { snapshotFromFiles } from '../watch/files.ts'

import { checkFiles, filesOf, findHaproxy, settingsAt, temporaryFolder, writeFiles } from './haproxy-files.ts'

const here = import.meta.dirname
const templates = join(here, '../../templates')
const golden = process.env['GOLDEN'] === 'write'
const now = new Date('2026-01-01T00:00:00Z')
const programmed: Outcome = {
  kind: 'programmed',
  message: '',
  addresses: [{ type: 'IPAddress', value: '192.0.2.1' }],
}
const render = loadRenderer(templates, defaultDataPlane)
const haproxy = findHaproxy()
/** What all have in common, kept once: the head of every haproxy.cfg, and the script. */
const common = {
  '_prologue.cfg': 'haproxy.cfg',
  '_scripts.lua': 'general/scripts.lua',
  '_candidates.lua': 'general/candidates.lua',
  '_certificates.lua': 'general/certificates.lua',
  '_names.lua': 'general/names.lua',
  '_origins.lua': 'general/origins.lua',
  '_subrequests.lua': 'general/subrequests.lua',
  '_authorization.lua': 'general/authorization.lua',
  '_backoff.lua': 'general/backoff.lua',
  '_unreachable.lua': 'general/unreachable.lua',
} as const

describe('scenarios', () => {
  const names = readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted((a, b) => (a < b ? -1 : 1))

  for (const name of names) {
    it(name.replaceAll('-', ' '), () => {
      const output = outputOf(name)
      const folder = join(here, name, 'expected')
      if (golden) writeFolder(folder, output)
      const expected = readFolder(folder)
      for (const [file, text] of output) expect(text, file).to.equal(expected.get(file))
      expect([...expected.keys()], 'files').to.have.members([...output.keys()])
    })

    it(`${name.replaceAll('-', ' ')}: haproxy -c has nothing to say`, function () {
      if (haproxy === undefined) this.skip()
      for (const proxy of translated(name).proxies) {
        const { root, remove } = temporaryFolder()
        try {
          writeFiles(root, loadRenderer(templates, settingsAt(root))(proxy))
          expect(checkFiles(haproxy, root)).to.equal('')
        } finally {
          remove()
        }
      }
    })
  }
})

type Output = ReadonlyMap<string, string>

function translated(name: string) {
  const snapshot = snapshotFromFiles(join(here, name, 'input.yaml'))
  return { snapshot, ...createTranslator(snapshot)() }
}

// File below expected/ → content.
function outputOf(name: string): Output {
  const { snapshot, proxies, report } = translated(name)
  const output = new Map<string, string>()
  const outcomes = new Map<string, Outcome>()
  for (const proxy of proxies) {
    const rendered = render(proxy)
    const folder = proxy.id.replace('/', '.')
    outcomes.set(proxy.id, { ...programmed, generation: rendered.generation })
    for (const [file, text] of shown(rendered)) output.set(`${folder}/${file}`, text)
    if (name.startsWith('provision-')) output.set(`${folder}/objects.yaml`, yaml(provision(proxy, defaultDataPlane)))
  }
  const patches = createStatuses()({ snapshot, report, outcomes, features: supportedFeatures, now })
  const statuses = patches.map(({ kind, key, status }) => ({ kind, key, status }))
  output.set('status.yaml', yaml(statuses.toSorted((a, b) => (`${a.kind} ${a.key}` < `${b.kind} ${b.key}` ? -1 : 1))))
  return output
}

// Empty files and what all have in common are left out; DEL, which ends exact paths in maps, is made visible.
function shown(rendered: RenderedConfig): Output {
  const files = [...filesOf(rendered)].filter(([file, text]) => text.trim() !== '' && !file.endsWith('.lua'))
  const head = rendered.machine.text.replace(/\n\nfrontend (?:https?|tls|terminate|tcp)-[\s\S]*$/, '\n')
  const prologue = commonPart('_prologue.cfg', head)
  expect(head, 'the head of haproxy.cfg').to.equal(prologue)
  const scripts = [...rendered.machine.scripts].filter(([file]) => file.endsWith('.lua'))
  expect(scripts.map(([file]) => `general/${file}`)).to.deep.equal(Object.values(common).slice(1))
  for (const [file, text] of Object.entries(common).slice(1)) {
    const script = rendered.machine.scripts.get(text.slice('general/'.length)) ?? ''
    expect(script).to.equal(commonPart(file, script))
  }
  return new Map(
    files.map(([file, text]) => [
      file,
      file === 'haproxy.cfg' ? `# prologue\n${text.slice(prologue.length)}` : text.replaceAll('\x7f', '\u2421'),
    ]),
  )
}

// Written by the first scenario of a golden run only, so that the others are compared with it.
const written = new Set<string>()

function commonPart(file: string, text: string): string {
  const path = join(here, file)
  if (golden && !written.has(file)) writeFileSync(path, text)
  written.add(file)
  return readFileSync(path, 'utf8')
}

function readFolder(folder: string): Output {
  if (!existsSync(folder)) return new Map()
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath, entry.name))
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]))
}

function writeFolder(folder: string, output: Output): void {
  rmSync(folder, { recursive: true, force: true })
  for (const [file, text] of output) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })
}
