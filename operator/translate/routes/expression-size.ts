// How large PCRE2 makes a regular expression. It refuses one that is compiled to more than 64 KB or whose groups are nested deeper than
// 250, and ECMAScript, which checks expressions here, knows neither limit: such an expression would be accepted and never match.

const tokens =
  /\\[pP]\{[^}]*\}|\\k<[^>]*>|\\.|\[(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|\((?:\?(?:<[^>]*>|[a-z-]*:|[=!]))?|./gsu
/** Well below PCRE2's own limits, for what follows is an estimate. */
const largest = 16_000
const deepest = 100

/** Whether a valid expression stays within what PCRE2 compiles. Repeated groups are copied as often as they may occur. */
export function isWithinLimits(expression: string): boolean {
  const open: number[] = []
  let size = 0
  let last = { size: 0, isGroup: false }
  for (const [token] of expression.matchAll(tokens)) {
    const [first = ''] = token
    if (first === '(') {
      open.push(size)
      size = 0
      last = { size: 0, isGroup: false }
    } else if (first === ')') {
      last = { size: size + groupSize, isGroup: true }
      size = (open.pop() ?? 0) + last.size
    } else if (first === '{' && token.length > 1) size += last.size * (last.isGroup ? mostOften(token) : 1)
    else {
      last = { size: first === '[' ? classSize : itemSize, isGroup: false }
      size += last.size
    }
    if (size > largest || open.length > deepest) return false
  }
  return true
}

/** Bytes: of a class of characters, of anything else, and around a group. */
const classSize = 40
const itemSize = 6
const groupSize = 20

// 5 of `{2,5}`.
function mostOften(quantifier: string): number {
  return Math.max(...quantifier.slice(1, -1).split(',').map(Number))
}
