// Work that may be interrupted between two steps: whoever takes the steps decides when (`finished` in turns.ts, the loop).

const visitsPerStep = 500

/** Calls `visit` for each of them, some hundred each step. */
export function* inSteps<T>(all: Iterable<T>, visit: (one: T) => void): Generator<undefined, undefined> {
  let count = 0
  for (const one of all) {
    visit(one)
    count += 1
    if (count % visitsPerStep === 0) yield
  }
}

/** Takes all steps at once; what the last one returned. */
export function atOnce<T>(steps: Iterator<unknown, T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
}
