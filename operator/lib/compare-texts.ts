/** For sorting: by code units, so the order is the same on every machine, unlike `localeCompare`'s. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
