/** Random choices that a seed repeats. */
export type Random = {
  /** From 0 to `below` - 1. */
  readonly number: (below: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <T>(choices: readonly [T, ...(readonly T[])]) => T
  /** From `least` to `most` of what `make` makes. */
  readonly list: <T>(least: number, most: number, make: (index: number) => T) => readonly T[]
  /** Each with this probability, in their order. */
  readonly some: <T>(choices: readonly T[], probability: number) => readonly T[]
}

/** Mulberry32: small, and good enough to choose test cases. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const number = (below: number): number => Math.floor(next() * below)
  return {
    number,
    chance: (probability) => next() < probability,
    pick: (choices) => choices[number(choices.length)] ?? choices[0],
    list: (least, most, make) => Array.from({ length: least + number(most - least + 1) }, (_, index) => make(index)),
    some: (choices, probability) => choices.filter(() => next() < probability),
  }
}
