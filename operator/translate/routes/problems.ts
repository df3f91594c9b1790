/** Why a rule, or a whole route, cannot be programmed as it is written. Becomes Accepted False or PartiallyInvalid True. */
export type Problem = {
  readonly reason: 'UnsupportedValue' | 'IncompatibleFilters'
  /** Begins with the field: `spec.rules[1].matches[0].path.value: …`. */
  readonly message: string
}

/** Why a reference leads nowhere. Becomes ResolvedRefs False; the rule stays and answers 500 for the reference's share. */
export type BrokenReference = {
  readonly reason: 'RefNotPermitted' | 'InvalidKind' | 'BackendNotFound' | 'UnsupportedProtocol'
  readonly message: string
}

/** Says that the value in `field` cannot be programmed: `fault` is a sentence with the way out. */
export type Refuse = (field: string, fault: string, reason?: Problem['reason']) => void

/** A write-only sink for one derivation: translators call `refuse`, its maker reads `problems` at the end. */
export function createProblems(): { readonly refuse: Refuse; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  return {
    refuse: (field, fault, reason = 'UnsupportedValue') =>
      void problems.push({ reason, message: `${field}: ${fault}` }),
    problems,
  }
}
