import { attachedRoutes } from './attached-routes.ts'
import { changeCost } from './change-cost.ts'
import { eventLoop } from './event-loop.ts'
import { failover } from './failover.ts'
import { listenerSets } from './listener-sets.ts'
import { mixedChanges } from './mixed-changes.ts'
import { propagation, propagationUnderChurn } from './propagation.ts'
import { routeChangeUnderLoad } from './route-change.ts'
import { scale5000 } from './scale-5000.ts'
import { type Section, sectionNames } from './section.ts'
import { start } from './start.ts'
import { throughput } from './throughput.ts'

const known: readonly Section[] = [
  propagation,
  propagationUnderChurn,
  changeCost,
  attachedRoutes,
  routeChangeUnderLoad,
  scale5000,
  listenerSets,
  throughput,
  mixedChanges,
  failover,
  eventLoop,
  start,
]

/** All sections, in the order in which they run. */
export const sections: readonly Section[] = sectionNames.flatMap((name) =>
  known.filter((section) => section.name === name),
)
