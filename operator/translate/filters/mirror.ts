import type { HTTPRequestMirror } from '../../model/kubernetes.ts'
import type { Filter, Mirror } from '../../model/proxy-model.ts'

import { httpDefaults } from '../routes/http-defaults.ts'
import type { FilterPlace } from './filter-place.ts'

/**
 * RequestMirror: copies of all requests, or of a share of them, go to one more backend. One that cannot be resolved is left out.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprequestmirrorfilter
 */
export function translateMirror(mirror: HTTPRequestMirror | undefined, place: FilterPlace): Filter | undefined {
  const field = `${place.field}.requestMirror`
  if (mirror === undefined) {
    place.refuse(field, 'is missing; write a backendRef to mirror to.')
    return undefined
  }
  const share = shareOf(mirror, { ...place, field })
  const backend = place.resolve(mirror.backendRef, `${field}.backendRef`)
  if (backend === undefined || share.numerator === 0) return undefined
  return { kind: 'mirror', mirrors: [{ backend, ...share }] }
}

function shareOf({ percent, fraction }: HTTPRequestMirror, { field, refuse }: FilterPlace): Omit<Mirror, 'backend'> {
  if (percent !== undefined && fraction !== undefined)
    refuse(`${field}.percent`, 'stands beside a fraction; keep one of the two.')
  if (fraction !== undefined) {
    const { numerator, denominator = httpDefaults.mirrorDenominator } = fraction
    if (!isCount(denominator) || denominator === 0 || !isCount(numerator) || numerator > denominator)
      refuse(`${field}.fraction`, `${numerator}/${denominator} is not a share; write whole numbers from 0/1 to 1/1.`)
    return { numerator, denominator }
  }
  const share = percent ?? 100
  if (!isCount(share) || share > 100)
    refuse(`${field}.percent`, `${share} is not a percentage; write a whole number from 0 to 100.`)
  return { numerator: share, denominator: 100 }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 31
}
