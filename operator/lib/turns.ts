// Long work in slices, so that nothing else waits long for its turn of the event loop.

/** Milliseconds of work after which whoever has more to do calls `nextTurn`. */
export const slice = 5

const waiting: (() => void)[] = []
const turn = { isOver: true, end: 0 }

/**
 * The moment, as of `performance.now()`, at which long work has to stop for this turn of the event loop. Those that begin in one turn share a
 * slice; whoever waited for `nextTurn` has one to itself.
 */
export function endOfSlice(): number {
  if (turn.isOver) {
    turn.isOver = false
    turn.end = performance.now() + slice
    setImmediate(() => {
      turn.isOver = true
    })
  }
  return turn.end
}

/** Resolves in a later turn of the event loop, for one caller in each turn: many that go on in slices do not add up to one long block. */
export async function nextTurn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  waiting.push(resolve)
  if (waiting.length === 1) setImmediate(admit)
  await promise
}

/** Calls `visit` for each of them, in slices; those that come meanwhile are seen if the iterable shows them. */
export async function inSlices<T>(values: Iterable<T>, visit: (value: T) => void): Promise<void> {
  let until = endOfSlice()
  for (const value of values) {
    visit(value)
    if (performance.now() < until) continue
    await nextTurn()
    until = endOfSlice()
  }
}

/** Takes all steps, in slices; what the last one returned. Few steps are taken at once. */
export async function finished<T>(steps: Iterator<unknown, T>): Promise<T> {
  let until = endOfSlice()
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value
    if (performance.now() < until) continue
    await nextTurn()
    until = endOfSlice()
  }
}

function admit(): void {
  const [first] = waiting
  turn.isOver = true
  first?.()
  waiting.shift()
  if (waiting.length > 0) setImmediate(admit)
}
