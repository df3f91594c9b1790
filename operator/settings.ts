// Flags and environment → Settings. Every setting is one row: the command line, its help and the checks come from here.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

import { defaultDataPlane, type DataPlaneSettings } from './model/settings.ts'

export type Settings = {
  /** Empty: all. */
  readonly namespaces: readonly string[]
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly healthPort: number
  /** Where the operator keeps what belongs to itself. */
  readonly operatorNamespace: string
  /** Absent: as kubectl finds it, or the Pod's service account. */
  readonly kubeconfig?: string
  /** Folder of the templates of haproxy.cfg. */
  readonly templates: string
  readonly dataPlane: DataPlaneSettings
}

export type SettingRow = {
  /** Long flag; the environment variable is made from it. */
  readonly flag: string
  readonly argument: string
  readonly help: string
  /** What the help says about leaving it out. */
  readonly otherwise: string
  /** Completes "… is not …". */
  readonly expected: string
}

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** In the order of the help. */
export const settingRows = {
  namespaces: {
    flag: 'namespaces',
    argument: '<names>',
    help: 'namespaces to look at, separated by commas',
    otherwise: 'all',
    expected: 'a list of namespace names separated by commas',
  },
  operatorNamespace: {
    flag: 'operator-namespace',
    argument: '<name>',
    help: 'namespace in which the operator keeps its own secrets',
    otherwise: 'haproxy-gateway-system',
    expected: 'the name of a namespace',
  },
  dataPlaneImage: {
    flag: 'data-plane-image',
    argument: '<image>',
    help: 'image with haproxy and dataplaneapi',
    otherwise: defaultDataPlane.image,
    expected: 'the name of an image',
  },
  udpImage: {
    flag: 'udp-image',
    argument: '<image>',
    help: 'image with nginx, for UDP listeners',
    otherwise: defaultDataPlane.udpImage,
    expected: 'the name of an image',
  },
  dataPlaneReplicas: {
    flag: 'data-plane-replicas',
    argument: '<number>',
    help: 'pods per Gateway',
    otherwise: String(defaultDataPlane.replicas),
    expected: 'a whole number from 1 to 1000',
  },
  dataPlaneCpu: {
    flag: 'data-plane-cpu',
    argument: '<quantity>',
    help: 'CPU that each HAProxy container requests',
    otherwise: defaultDataPlane.requests.cpu,
    expected: 'a quantity of CPU such as 250m or 1.5',
  },
  dataPlaneMemory: {
    flag: 'data-plane-memory',
    argument: '<quantity>',
    help: 'memory that each HAProxy container requests',
    otherwise: defaultDataPlane.requests.memory,
    expected: 'a quantity of memory such as 256Mi or 1Gi',
  },
  templates: {
    flag: 'templates',
    argument: '<folder>',
    help: 'folder of the templates of haproxy.cfg',
    otherwise: 'those that came with the operator',
    expected: 'a folder that exists',
  },
  healthPort: {
    flag: 'health-port',
    argument: '<port>',
    help: 'port of /livez, /readyz and /metrics',
    otherwise: '8080',
    expected: 'a port number from 0 (any free port) to 65535',
  },
  kubeconfig: {
    flag: 'kubeconfig',
    argument: '<file>',
    help: 'kubeconfig file',
    otherwise: '$KUBECONFIG, ~/.kube/config, or the service account of the pod',
    expected: 'a file that exists',
  },
  logLevel: {
    flag: 'log-level',
    argument: '<level>',
    help: 'debug, info, warn or error',
    otherwise: 'info',
    expected: 'one of debug, info, warn, error',
  },
} as const satisfies Record<string, SettingRow>

export type SettingName = keyof typeof settingRows

const schema = z.object({
  namespaces: z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((name) => name.trim() || []))
    .pipe(z.array(z.string().regex(label))),
  operatorNamespace: z.string().regex(label).default('haproxy-gateway-system'),
  dataPlaneImage: z.string().regex(/^\S+$/).default(defaultDataPlane.image),
  udpImage: z.string().regex(/^\S+$/).default(defaultDataPlane.udpImage),
  dataPlaneReplicas: z.coerce.number().int().min(1).max(1000).default(defaultDataPlane.replicas),
  dataPlaneCpu: z
    .string()
    .regex(/^\d+(\.\d+|m)?$/)
    .default(defaultDataPlane.requests.cpu),
  dataPlaneMemory: z
    .string()
    .regex(/^\d+(Mi|Gi|M|G)$/)
    .default(defaultDataPlane.requests.memory),
  templates: z.string().refine(existsSync).default(ownTemplates),
  healthPort: z.coerce.number().int().min(0).max(65_535).default(8080),
  kubeconfig: z.string().refine(existsSync).optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})

/** Something the user gave cannot be used; the message has a line for each. */
export class SettingsError extends Error {}

/** Settings from flags, then from the environment (an empty variable counts as absent), then the defaults. */
export function readSettings(
  flags: Readonly<Partial<Record<string, string>>>,
  environment: Readonly<Partial<Record<string, string>>>,
): Settings {
  const given = new Map(settingNames.flatMap((name) => givenValue(name, flags, environment)))
  const checked = schema.safeParse(Object.fromEntries([...given].map(([name, { text }]) => [name, text])))
  if (!checked.success) {
    const wrong = new Set(checked.error.issues.map(({ path }) => path[0]))
    const lines = settingNames.filter((name) => wrong.has(name)).map((name) => complaint(name, given.get(name)))
    throw new SettingsError(lines.join('\n'))
  }
  const { dataPlaneImage, udpImage, dataPlaneReplicas, dataPlaneCpu, dataPlaneMemory, kubeconfig, ...rest } =
    checked.data
  const dataPlane = {
    ...defaultDataPlane,
    image: dataPlaneImage,
    udpImage,
    replicas: dataPlaneReplicas,
    requests: { cpu: dataPlaneCpu, memory: dataPlaneMemory },
  }
  return { ...rest, ...(kubeconfig === undefined ? {} : { kubeconfig }), dataPlane }
}

/** `HAPROXY_GATEWAY_HEALTH_PORT` for `health-port`. */
export function environmentName(row: SettingRow): string {
  return `HAPROXY_GATEWAY_${row.flag.replaceAll('-', '_').toUpperCase()}`
}

/** The names of `settingRows`. */
export const settingNames: readonly SettingName[] = Object.keys(settingRows).filter(isSettingName)

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingRows, name)
}

type Given = { readonly text: string; readonly source: string }

function givenValue(
  name: SettingName,
  flags: Readonly<Partial<Record<string, string>>>,
  environment: Readonly<Partial<Record<string, string>>>,
): readonly (readonly [SettingName, Given])[] {
  const row = settingRows[name]
  const flag = flags[name]
  if (flag !== undefined) return [[name, { text: flag, source: `--${row.flag}` }]]
  const variable = environment[environmentName(row)]
  if (variable === undefined || variable === '') return []
  return [[name, { text: variable, source: environmentName(row) }]]
}

function complaint(name: SettingName, given: Given | undefined): string {
  const row: SettingRow = settingRows[name]
  const source = given?.source ?? `--${row.flag}`
  return `${source} "${given?.text ?? ''}" is not ${row.expected}; correct it, or leave it out for the default (${row.otherwise}).`
}

// Beside the sources, or beside or above the bundled program.
function ownTemplates(): string {
  const places = ['../templates', 'templates'].map((place) => join(import.meta.dirname, place))
  return places.find((place) => existsSync(place)) ?? join(import.meta.dirname, '../templates')
}
