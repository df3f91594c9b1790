import type { HTTPFilter } from '../../model/kubernetes.ts'
import type { Filter } from '../../model/proxy-model.ts'

import { isPort } from '../ports.ts'
import { httpDefaults } from '../routes/http-defaults.ts'
import { nameFault, quoted } from '../routes/writable.ts'
import type { FilterPlace } from './filter-place.ts'

type CorsFilter = NonNullable<HTTPFilter['cors']>

const any = '*'
const greatestAge = 2 ** 31 - 1
const implied = { http: 80, https: 443 } as const

/**
 * CORS: the gateway answers preflight requests by itself and has the last word on `Access-Control-…` in responses.
 * https://gateway-api.sigs.k8s.io/geps/gep-1767/
 */
export function translateCors(cors: CorsFilter | undefined, place: FilterPlace): Filter | undefined {
  const field = `${place.field}.cors`
  if (cors === undefined) {
    place.refuse(field, 'is missing; write which origins to allow.')
    return undefined
  }
  const { maxAge = httpDefaults.corsMaxAge } = cors
  if (!Number.isInteger(maxAge) || maxAge < 1 || maxAge > greatestAge)
    place.refuse(
      `${field}.maxAge`,
      `${maxAge} is not a number of seconds; write a whole number from 1 to ${greatestAge}.`,
    )
  for (const list of ['allowMethods', 'allowHeaders', 'exposeHeaders'] as const)
    for (const name of cors[list] ?? []) {
      const fault = nameFault(name)
      if (fault !== undefined) place.refuse(`${field}.${list}`, fault)
    }
  return {
    kind: 'cors',
    cors: {
      origins: originsOf(cors.allowOrigins ?? [], { ...place, field }),
      credentials: cors.allowCredentials === true,
      methods: anyOrAll(cors.allowMethods ?? []),
      requestHeaders: anyOrAll(cors.allowHeaders ?? []),
      responseHeaders: anyOrAll(cors.exposeHeaders ?? []),
      maxAge,
    },
  }
}

function originsOf(origins: readonly string[], { field, refuse }: FilterPlace): readonly string[] {
  const known = origins.map((origin, index) => {
    const canonical = canonicalOrigin(origin)
    if (canonical === undefined)
      refuse(
        `${field}.allowOrigins[${index}]`,
        `${quoted(origin)} is not an origin; write "*", or "http://" or "https://" with a host or a host after "*.", and maybe a port.`,
      )
    return canonical ?? any
  })
  return anyOrAll(known)
}

/** In lower case and with a port: browsers leave out the one that the scheme implies, so `https://a` and `https://a:443` are the same. */
function canonicalOrigin(origin: string): string | undefined {
  if (origin === any) return any
  const [, scheme, host, port] =
    /^(https?):\/\/((?:\*\.)?(?:[a-z0-9-]+\.)*[a-z0-9-]+|\*)(?::(\d{1,5}))?$/i.exec(origin) ?? []
  if (scheme === undefined || host === undefined) return undefined
  const known = scheme.toLowerCase() === 'https' ? 'https' : 'http'
  const number = port === undefined ? implied[known] : Number(port)
  return isPort(number) ? `${known}://${host.toLowerCase()}:${number}` : undefined
}

function anyOrAll(names: readonly string[]): readonly string[] {
  return names.includes(any) ? [any] : [...new Set(names)]
}
