// Whether an object still has what was applied. Everything beside that is somebody else's: status, defaults, others' labels.

/** Each field of `wanted` is in `found`; of a list of objects each one, wherever it stands, and any other list as a whole. */
export function contains(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(found) && containsItems(found, wanted)
  if (typeof wanted !== 'object' || wanted === null) return found === wanted
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false
  const fields = new Map<string, unknown>(Object.entries(found))
  return Object.entries(wanted).every(([name, value]) => value === undefined || contains(fields.get(name), value))
}

function containsItems(found: readonly unknown[], wanted: readonly unknown[]): boolean {
  const isKeyed = wanted.length > 0 && wanted.every((item) => typeof item === 'object' && item !== null)
  if (isKeyed) return wanted.every((item) => found.some((other) => contains(other, item)))
  return found.length === wanted.length && wanted.every((item, index) => contains(found[index], item))
}
