import type { Hostname, Rule } from '../../model/proxy-model.ts'

import type { BrokenReference, Problem } from './problems.ts'

/** What a route kind's file makes of one object; `routes.ts` judges it, in the same way for all kinds. */
export type RouteDraft = {
  readonly hostnames: readonly Hostname[]
  /** What makes the route as a whole unusable. */
  readonly problems: readonly Problem[]
  /** In the order of spec.rules. */
  readonly rules: readonly RuleDraft[]
}

export type RuleDraft = {
  /** One per match that can be programmed, as the user wants them. */
  readonly rules: readonly Rule[]
  /** Whether each of its matches is among `rules`. */
  readonly complete: boolean
  /** Why the rule as a whole must not be programmed; empty when it may. */
  readonly problems: readonly Problem[]
  /** References that lead nowhere; the rule answers 500 for their share. */
  readonly brokenReferences: readonly BrokenReference[]
}
