// The ways a value may enter a line, a map or a record: the security boundary towards HAProxy.
// Translation reports what cannot be written; a value that is refused here is our mistake, so everything here throws.

/** A bare word in a line: letters, digits and signs that mean nothing to HAProxy's parser. Never empty. */
export function bareWord(value: unknown): string {
  return permitted(String(value), /^[\w./:@[\]-]+$/, 'a bare word of a line')
}

/** One quoted argument of a line: strong quotes, in which nothing is special but the quote itself. */
export function quoted(value: unknown): string {
  const text = permitted(String(value), /^[^\0\r\n]*$/, 'a quoted argument')
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** A log-format argument (header values, redirects): `%` begins an expression there, so it is doubled. */
export function formatted(value: unknown): string {
  return quoted(String(value).replaceAll('%', '%%'))
}

/** A word inside a converter's parentheses, where a second parser reads: only what neither of them knows. */
export function argument(value: unknown): string {
  return permitted(String(value), plainName, 'an argument in parentheses')
}

/** Names that may stand in a line of haproxy.cfg. Conditions on other names are tested by the Lua converter. */
export function isPlainName(name: string): boolean {
  return plainName.test(name)
}
const plainName = /^[\w.-]+$/

/** First column of a map. DEL ends exact paths; a leading `#` would make the line a comment. */
export function mapKey(key: string): string {
  return permitted(key, /^(?!#)[\x21-\x3a\x3c-\x7f]+$/, 'a map key')
}

/** Second column of a map: printable ASCII without `;`, which ends a command of the runtime API. */
export function mapValue(value: string): string {
  return permitted(value, /^[\x21-\x3a\x3c-\x7e]+$/, 'a map value')
}

/** One field of a record; `|` separates fields. May be empty. */
export function recordField(field: string): string {
  return permitted(field, /^[\x21-\x3a\x3c-\x7b\x7d\x7e]*$/, 'a field of a record')
}

/** A header's name or value on the way into a binary list: anything but what would begin another header. */
export function headerText(text: string): string {
  return permitted(text, /^[^\0\r\n]*$/, 'a header')
}

/** As HAProxy's `url_enc`: everything but letters, digits and `-._~`. */
export function percentEncode(text: string): string {
  return escapeBytes(text, /[\w.~-]/)
}

/** A path as a client could send it: what RFC 3986 does not allow in a path, and `;`, is percent-encoded. */
export function pathText(path: string): string {
  return escapeBytes(path, /[\w.~\-/%!$&'()*+,:=@]/)
}

function escapeBytes(text: string, kept: RegExp): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return kept.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

function permitted(text: string, wanted: RegExp, place: string): string {
  if (wanted.test(text)) return text
  throw new Error(`${JSON.stringify(text.slice(0, 80))} cannot be written as ${place} of HAProxy's configuration`)
}
