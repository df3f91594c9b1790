import { backendName } from '../model/names.ts'
import type { Backend } from '../model/proxy-model.ts'
import type { ObjectKey } from '../model/snapshot.ts'
import { type Subject, Users } from '../model/users.ts'

import { compareTexts } from '../lib/compare-texts.ts'
import { family } from '../lib/derive.ts'
import { itemsOf } from '../lib/parts.ts'

import type { ProxyNeeds } from './needs.ts'
import type { Parents } from './parents.ts'

type Sources = {
  readonly needs: Pick<ProxyNeeds, 'backends' | 'routesWith'>
  readonly parents: Pick<Parents, 'parentsAt'>
}

/** Who asks for what, by Gateway; the same object for as long as there is the proxy. */
export function createUsers({ needs, parents }: Sources): (gateway: ObjectKey) => Users {
  return family((gateway) => new Users((subject) => find(subject, { gateway, needs, parents })))
}

function find(
  subject: Subject,
  { gateway, needs, parents }: Sources & { readonly gateway: ObjectKey },
): readonly string[] {
  const { kind } = subject
  // Ports for UDP are not HAProxy's.
  if (kind === 'port') return parents.parentsAt(`${gateway}|TCP|${subject.port}`)
  if (kind === 'header' || kind === 'query') return needs.routesWith(gateway, { kind, name: subject.name })
  const isMeant = kind === 'profile' ? hasProfile(subject.profile) : isNamed(subject.name)
  const backends = itemsOf(needs.backends(gateway)).filter(isMeant)
  const routes = backends.flatMap((backend) => needs.routesWith(gateway, { kind: 'backend', backend }))
  return [...new Set(routes)].toSorted(compareTexts)
}

function hasProfile(profile: string): (backend: Backend) => boolean {
  return (backend) => backend.profile === profile
}

// Namespace and Service are told by the name; to make the names of all backends would take longer.
function isNamed(name: string): (backend: Backend) => boolean {
  const [namespace = '', service = ''] = name.split('_')
  const beginning = `${namespace}/${service}:`
  return ({ id, profile }) => id.startsWith(beginning) && backendName(id, profile) === name
}
