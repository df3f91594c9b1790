import { type RouteId, routeId, routeKinds } from '../model/report.ts'
import type { Snapshot } from '../model/snapshot.ts'

import type { Members } from '../lib/derive.ts'

/** Routes of all kinds, as members of one gathering. */
export function routeMembers(snapshot: Snapshot): Members {
  return {
    watchMembers(watcher: (id: RouteId, present: boolean) => void) {
      for (const kind of routeKinds) snapshot[kind].watchMembers((key, present) => watcher(routeId(kind, key), present))
    },
  }
}
