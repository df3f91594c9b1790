// The rules of docs/ARCHITECTURE.md, executed: who may import whom, who may do I/O, how long a file may be.

import { config, expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

config.truncateThreshold = 0

const here = import.meta.dirname
const root = dirname(here)

const rooms = ['watch', 'translate', 'render', 'provision', 'status', 'push']
const pureRooms = ['translate', 'render', 'provision', 'status']
/** At start-up only: templates are read once. */
const mayReadFiles = ['render/templates.ts']
const ioModules = [
  /^node:(fs|http|https|net|tls|child_process|timers|dgram|dns)/,
  /^undici/,
  /^@kubernetes\/client-node/,
  /^@dot-i\//,
  /^haproxy-dataplane-api/,
]

type Import = {
  readonly file: string
  readonly specifier: string
  readonly typeOnly: boolean
  readonly target: string | undefined
}

const files = tracked('operator/**/*.ts').filter((file) => !/dataplane-api\/(src|dist)|\.generated\.ts$/.test(file))
const sources = files.filter((file) => !file.endsWith('.test.ts') && !file.includes('/scenarios/'))
const imports = sources.flatMap(importsOf)

describe('architecture', () => {
  it('a room imports model/, lib/ and its own files, nothing else of ours', () => {
    const wrong = imports.filter(({ file, target }) => {
      const room = roomOf(file)
      return target !== undefined && rooms.includes(room) && ![room, 'model', 'lib'].includes(roomOf(target))
    })
    expect(wrong.map(show)).to.deep.equal([])
  })

  it('model/ imports only types and hashes from lib/, lib/ imports nothing of ours', () => {
    const wrong = imports.filter(({ file, target, typeOnly }) => {
      if (target === undefined) return false
      if (roomOf(file) === 'lib') return roomOf(target) !== 'lib'
      if (roomOf(file) !== 'model' || roomOf(target) === 'model') return false
      return roomOf(target) !== 'lib' || (!typeOnly && !target.endsWith('lib/hash.ts'))
    })
    expect(wrong.map(show)).to.deep.equal([])
  })

  it('a room is entered through the file that has its name', () => {
    const entering = imports.filter(
      ({ file, target }) => target !== undefined && rooms.includes(roomOf(target)) && roomOf(file) !== roomOf(target),
    )
    const wrong = entering.filter(({ target }) => {
      const room = roomOf(target ?? '')
      return (
        target !== `operator/${room}/${room}.ts` &&
        target !== 'operator/watch/files.ts' &&
        target !== 'operator/translate/supported-features.ts'
      )
    })
    expect(wrong.map(show)).to.deep.equal([])
  })

  it('pure rooms do no I/O, never wait and read no clock', () => {
    const wrong = imports.filter(
      ({ file, specifier, typeOnly }) =>
        isPure(file) && !typeOnly && ioModules.some((module) => module.test(specifier)),
    )
    const impure = sources
      .filter(isPure)
      .filter((file) =>
        /\basync\b|\bawait\b|Date\.now|new Date\(\)|Math\.random|process\.env|setTimeout/.test(code(file)),
      )
    expect([...wrong.map(show), ...impure]).to.deep.equal([])
  })

  it('render/ knows no Kubernetes type', () => {
    const wrong = imports.filter(
      ({ file, target, specifier }) =>
        roomOf(file) === 'render' && /kubernetes\.ts$|client-node/.test(target ?? specifier),
    )
    expect(wrong.map(show)).to.deep.equal([])
  })

  it('there are no barrels, no default exports, no types switched off', () => {
    const wrong = sources.filter(
      (file) => file.endsWith('/index.ts') || /^export default|:\s*any\b|<any>|\bas any\b/m.test(withoutComments(file)),
    )
    const silenced = sources.filter((file) =>
      /@ts-(ignore|expect-error|nocheck)|(oxlint|eslint)-disable/.test(code(file)),
    )
    expect([...wrong, ...silenced]).to.deep.equal([])
  })

  it('no test is skipped or singled out', () => {
    const tests = tracked('operator/**/*.test.ts', 'e2e/**/*.ts')
    expect(tests.filter((file) => /\b(it|describe)\.(skip|only)\(/.test(code(file)))).to.deep.equal([])
  })

  it('no file is longer than 400 lines, no template longer than 100', () => {
    const long = [...files, ...tracked('e2e/**/*.ts', 'deploy/**/*.ts')].filter((file) => lines(file) > 400)
    const templates = tracked('templates/**/*.hbs').filter((file) => lines(file) > 100)
    expect([...long, ...templates]).to.deep.equal([])
  })

  it('every room says what it is for', () => {
    const silent = [...rooms, 'model', 'lib', 'embedded', 'dataplane-api'].filter(
      (room) => tracked(`operator/${room}/README.md`).length === 0,
    )
    expect(silent).to.deep.equal([])
  })

  it('the page shows the haproxy.cfg that its scenario comes to', () => {
    const page = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')
    const scenario = /`scenarios\/([a-z-]+)` comes to/.exec(page)?.[1] ?? ''
    const shown = /^```\n(frontend [^`]*)^```/m.exec(page)?.[1] ?? ''
    const real = readFileSync(join(here, 'scenarios', scenario, 'expected/shop.web/haproxy.cfg'), 'utf8')
    const shortened = real.replaceAll('/gw/maps/', '').replaceAll(/\b([hq][0-9a-f]{4})[0-9a-f]{16}\b/g, '$1')
    expect(directives(shown)).to.deep.equal(directives(shortened)).and.have.length.above(10)
  })

  it('the files that the page names exist', () => {
    const page = code('docs/ARCHITECTURE.md')
    const all = tracked('**')
    const named = [...page.matchAll(/`([\w/.-]+\.(?:ts|hbs|md|cfg))`/g)].map(([, name = '']) => name)
    const generated = ['haproxy.cfg', 'backends.cfg']
    const real = named.filter((name) => !name.includes('NAME') && !generated.includes(name))
    const wrong = real.filter((name) => !all.some((file) => `/${file}`.endsWith(`/${name}`)))
    expect(wrong).to.deep.equal([])
    expect(real).to.have.length.above(50)
  })

  it('nothing in the repository names a folder of one machine', () => {
    const wrong = tracked('**').filter(
      (file) => !file.endsWith('.pem') && /\/(root|home\/\w+|work)\/(\.|main|shared)/.test(code(file)),
    )
    expect(wrong).to.deep.equal([])
  })
})

function tracked(...patterns: readonly string[]): readonly string[] {
  const globs = patterns.map((pattern) => `:(glob)${pattern}`)
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...globs], {
    cwd: root,
    encoding: 'utf8',
  })
  // One that was deleted is listed until the commit.
  return listed.split('\n').filter((file) => file !== '' && existsSync(join(root, file)))
}

function code(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

function withoutComments(file: string): string {
  return code(file).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

function lines(file: string): number {
  return code(file).split('\n').length - 1
}

function importsOf(file: string): readonly Import[] {
  const found = code(file).matchAll(/^(?:import|export)\s+(type\s)?(?:[^'"]*?from\s+)?['"]([^'"]+)['"]/gm)
  return [...found].map(([, type, specifier = '']) => ({
    file,
    specifier,
    typeOnly: type !== undefined,
    target: specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : undefined,
  }))
}

function roomOf(file: string): string {
  return file.split('/')[1] ?? ''
}

function isPure(file: string): boolean {
  return pureRooms.includes(roomOf(file)) && !mayReadFiles.includes(file.slice('operator/'.length))
}

function show(wrong: Import): string {
  return `${wrong.file} imports ${wrong.specifier}`
}

function directives(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => line.replace(/(^|\s)#.*/, '').trim() || [])
}
