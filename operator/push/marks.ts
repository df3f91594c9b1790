// What a pod's memory says about itself while it is being changed, and what is believed of a pod that says nothing.

import { metaMap } from '../model/names.ts'
import type { DataPlaneSettings } from '../model/settings.ts'

import type { Stage } from './change.ts'
import { bootKey, generationKey, layoutOf, markedGeneration, unsettled, type Held } from './held.ts'

/** Tells the next operator that the pod was in the middle of a change. */
export function markStage(boot: string, isNew: boolean): Stage {
  const mark = { kind: 'set-entry', map: metaMap } as const
  const generation = { ...mark, key: generationKey, value: markedGeneration(unsettled, boot), known: true }
  return {
    parallel: true,
    commands: isNew ? [{ ...mark, key: bootKey, value: boot, known: false }, generation] : [generation],
  }
}

/** Another machine than the wanted one, or one whose state cannot be told: everything has to be loaded. */
export function strange(settings: DataPlaneSettings): Held {
  const none = new Map<string, never>()
  const layout = layoutOf(new Map(), settings)
  return {
    generation: '',
    machine: { hash: '' },
    maps: none,
    backends: none,
    certificates: none,
    certificateLists: none,
    layout,
  }
}
