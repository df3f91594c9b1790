import type { BackendId } from '../../model/proxy-model.ts'

import type { BackendRef } from '../routes/backend-refs.ts'
import type { Refuse } from '../routes/problems.ts'

/** Where a filter stands, and what it may refer to. */
export type FilterPlace = {
  /** `spec.rules[0].filters[1]` */
  readonly field: string
  /** The path prefix that a matching request begins with; absent unless the rule has exactly one match, and that of a prefix. */
  readonly prefix?: string
  readonly refuse: Refuse
  /** The types of filters that the kind of route knows; absent: all. */
  readonly types?: readonly string[]
  /** The backend that a filter refers to; undefined, and said to the route, when there is none. */
  readonly resolve: (ref: BackendRef, field: string) => BackendId | undefined
}
