// Reads templates/ once and compiles it strictly. The only file of this room that does I/O, at start-up.

import Handlebars from 'handlebars'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { argument, bareWord, formatted, quoted } from './escape.ts'
import type { UdpView } from './udp.ts'
import type { BackendView, MachineView, ScriptName, ScriptView } from './view.ts'

export type Templates = {
  readonly machine: (view: MachineView) => string
  readonly backend: (view: BackendView) => string
  readonly scripts: Readonly<Record<ScriptName, (view: ScriptView) => string>>
  readonly udp: (view: UdpView) => string
}

/** Compiles every `.hbs` file under `folder`; throws on one that does not parse. */
export function loadTemplates(folder: string): Templates {
  const engine = strictEngine()
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.hbs')) engine.registerPartial(file.slice(0, -'.hbs'.length), templateText(folder, file))
  }
  const compile = (file: string) => engine.compile<unknown>(templateText(folder, file), options)
  return {
    machine: compile('haproxy.cfg.hbs'),
    backend: compile('sections/backend.hbs'),
    scripts: {
      scripts: compile('scripts.lua.hbs'),
      candidates: compile('candidates.lua.hbs'),
      certificates: compile('certificates.lua.hbs'),
      names: compile('names.lua.hbs'),
      origins: compile('origins.lua.hbs'),
      subrequests: compile('subrequests.lua.hbs'),
      authorization: compile('authorization.lua.hbs'),
      backoff: compile('backoff.lua.hbs'),
      unreachable: compile('unreachable.lua.hbs'),
    },
    udp: compile('udp.conf.hbs'),
  }
}

const options = { strict: true, knownHelpersOnly: true, knownHelpers: { q: true, fmt: true, arg: true } }

// A plain `{{x}}` passes the bare-word check. Handlebars has one escaper for the whole process, and nothing else here uses Handlebars.
function strictEngine(): typeof Handlebars {
  Object.assign(Handlebars.Utils, { escapeExpression: safeWord })
  const engine = Handlebars.create()
  const helpers = { q: quoted, fmt: formatted, arg: argument }
  for (const [name, escape] of Object.entries(helpers)) {
    engine.registerHelper(name, (value: unknown) => new Handlebars.SafeString(escape(value)))
  }
  return engine
}

function safeWord(value: unknown): string {
  return value instanceof Handlebars.SafeString ? value.toString() : bareWord(value)
}

function templateText(folder: string, file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}
