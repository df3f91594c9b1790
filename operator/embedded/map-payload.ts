export type MapEntry = { readonly key: string; readonly value: string }

/** What a whole-map PUT does: lines to add, in one or several payloads, to the map or to a new version of it. */
export type MapPayload = { readonly replaces: boolean; readonly payloads: readonly string[] }

/**
 * How the Data Plane API 3.4.2 cuts a list of map entries into payloads of at most `limit` bytes. Up to the limit the entries are added to the
 * map; above it the map is replaced. Entries next to a cut can get lost, as they do there: a list that ends with the entry that overflows loses
 * it, and after a payload of exactly `limit` bytes only the first payload counts if nothing overflowed yet.
 */
export function mapPayload(entries: readonly MapEntry[], limit = 8192): MapPayload {
  const payloads: string[] = []
  let carried = ''
  let pending = ''
  let complete = ''
  let replaces = false
  for (const { key, value } of entries) {
    const line = `${key} ${value}\n`
    pending += carried + line
    carried = ''
    const size = Buffer.byteLength(pending)
    if (size < limit) {
      complete = pending
    } else if (size === limit) {
      payloads.push(pending)
      pending = ''
    } else {
      replaces = true
      payloads.push(complete === '' ? line : complete)
      carried = line
      pending = ''
      complete = ''
    }
  }
  if (complete !== '') payloads.push(complete)
  return { replaces, payloads: replaces ? payloads : payloads.slice(0, 1) }
}
