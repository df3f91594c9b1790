/**
 * The one boundary around the derivation of an object: a mistake of ours, or an object of a shape that no API server lets through,
 * costs this object only. `instead` gets a sentence for its condition.
 */
export function attempt<T>(compute: () => T, instead: (message: string) => T): T {
  try {
    return compute()
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    return instead(
      `The object could not be read (${fault}); check it against the schema of its kind, and report this if it is right.`,
    )
  }
}

/** A piece of a whole; with a fault, it stands in for one that could not be made. */
export type Part<T> = { readonly part: T; readonly fault?: string }
