import type { Refuse } from '../routes/problems.ts'

/** Where a filter stands, and what it may refer to. */
export type FilterPlace = {
  /** `spec.rules[0].filters[1]` */
  readonly field: string
  /** The path prefix that a matching request begins with; absent unless the rule has exactly one match, and that of a prefix. */
  readonly prefix?: string
  readonly refuse: Refuse
}
