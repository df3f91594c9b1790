/** When an object was created, RFC 3339 in UTC; empty for one that does not say. The API server's times are texts, files may hold dates. */
export function timestampOf(time: Date | string | undefined): string {
  const date = new Date(time ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString()
}
