// Server-side apply of what is ours, and of nothing else: an object of somebody else that has the name already is left as it is.

import type { KubeCaller } from '../model/kube-call.ts'
import { managedBy } from '../model/kinds.ts'
import { gatewayNameLabel, managedByLabel } from '../model/names.ts'
import type { DesiredObject } from '../model/rendered.ts'

import { ask, KubeRefusal, metadataOf, placeOf, placePath, placeText, type Metadata } from './kube-objects.ts'

/** The name is taken by an object that is not ours. */
export class Foreign extends Error {}

/**
 * The fields in `object` become ours and nobody else's; all others stay. `uid` is that of the object as an earlier apply left it, and saves a
 * look; without it the object is looked at first. Rejects with `Foreign` when it belongs to somebody else.
 */
export async function apply(
  call: KubeCaller,
  object: DesiredObject,
  signal: AbortSignal,
  uid?: string,
): Promise<Metadata> {
  const known = uid === undefined || uid === '' ? await uidOfOurs(call, object, signal) : uid
  // Without an object there is nothing to force; one that somebody makes in this moment is not overwritten.
  const force = known === '' ? '' : '&force=true'
  const request = {
    method: 'PATCH',
    path: `${placePath(placeOf(object))}?fieldManager=${managedBy}${force}`,
    contentType: 'application/apply-patch+yaml',
    body: known === '' ? object : { ...object, metadata: Object.assign({}, object.metadata, { uid: known }) },
    signal,
  } as const
  const { status, body } = await ask(call, request, ...(uid === known ? [409] : []))
  // It is another object by now, or none.
  return status === 409 ? apply(call, object, signal) : metadataOf(body)
}

/** The API server's words on why an object cannot be written, for its Gateway's status; undefined while it may still pass by itself. */
export function troubleText(object: string, failure: Error, attempt: number): string | undefined {
  if (failure instanceof Foreign) return failure.message
  if (!isRefusal(failure) && attempt < patience) return undefined
  return `${object} cannot be written: ${failure instanceof KubeRefusal ? failure.words : failure.message}`
}

/** The API server will not have the object as it is: asking again soon is of no use. Too many requests are no refusal, but `ComeBack`. */
export function isRefusal(failure: Error): boolean {
  return failure instanceof KubeRefusal && failure.status >= 400 && failure.status < 500 && failure.status !== 409
}

/** After this many attempts a conflict or a missing answer is more than bad luck. */
const patience = 3

// Empty: there is none.
async function uidOfOurs(call: KubeCaller, object: DesiredObject, signal: AbortSignal): Promise<string> {
  const place = placeOf(object)
  const { status, body } = await ask(call, { method: 'GET', path: placePath(place), signal }, 404)
  if (status === 404) return ''
  const found = metadataOf(body)
  if (isOurs(found, metadataOf(object))) return found.uid
  const gateway = gatewayOf(metadataOf(object))?.name ?? ''
  throw new Foreign(
    `${placeText(place)} exists already and does not belong to Gateway ${gateway}: its owner and its labels are not ours. Rename or delete it, or give the Gateway another name.`,
  )
}

// By its owner's name, not the uid: a Gateway that was made anew takes over what the one before left behind. An object without any owner
// is known by our labels.
function isOurs(found: Metadata, wanted: Metadata): boolean {
  const [owner, gateway] = [gatewayOf(found), gatewayOf(wanted)]
  if (owner !== undefined) return owner.name === gateway?.name
  const isLabelled = [managedByLabel, gatewayNameLabel].every(
    (label) => found.labels.get(label) === wanted.labels.get(label),
  )
  return found.owners.length === 0 && isLabelled
}

function gatewayOf({ owners }: Metadata): Metadata['owners'][number] | undefined {
  return owners.find(({ kind }) => kind === 'Gateway')
}
