/** What a reload was for, as far as somebody can be found who asks for it. */
export type Subject =
  /** Some rule compares a header or a query parameter of this name. */
  | { readonly kind: 'header' | 'query'; readonly name: string }
  /** Some rule has this retry policy. */
  | { readonly kind: 'profile'; readonly profile: string }
  /** Some rule sends to this backend of HAProxy. */
  | { readonly kind: 'backend'; readonly name: string }
  /** Some listener has this port. */
  | { readonly kind: 'port'; readonly port: number }

/**
 * Who asks for what only a reload of a proxy brings. It is found when somebody wants to know, which is seldom: nothing is kept for it, so
 * no change costs anything. That is also why it is no part of the proxy's value: the answer is about now.
 */
export class Users {
  readonly #find: (subject: Subject) => readonly string[]

  constructor(find: (subject: Subject) => readonly string[]) {
    this.#find = find
  }

  /** `HTTPRoute shop/cart`, `Gateway shop/web`, each once and in order; none when nobody does any more. */
  of(subject: Subject): readonly string[] {
    return this.#find(subject)
  }
}
