/** What every section of `make bench` is made of. */

/** The sections, in the order in which they run and are printed. */
export const sectionNames = [
  'propagation',
  'propagation_under_churn',
  'start',
  'event_loop',
  'change_cost',
  'attached_routes',
  'route_change_under_load',
  'scale_5000',
  'listener_sets',
  'throughput',
  'mixed_changes',
  'failover',
] as const

export type SectionName = (typeof sectionNames)[number]

/** One figure of a section: plain JSON, nested as the section likes; keys in snake_case, units in the key (`mean_ms`). */
export type Figure = number | string | boolean | null | readonly Figure[] | Figures

export type Figures = { readonly [key: string]: Figure }

/** One line of the table: what was measured, its value as text and the bar as text. `met` is absent where there is no bar. */
export type Row = { readonly what: string; readonly value: string; readonly bar: string; readonly met?: boolean }

/** `short` is the small form that CI runs; `say` prints one line of progress. */
export type SectionOptions = { readonly short: boolean; readonly say: (text: string) => void }

export type SectionResult = { readonly figures: Figures; readonly rows: readonly Row[] }

/** A section sets up and removes its own namespaces (`bench-…`), is bounded in time and throws a sentence with what was seen when it cannot measure. */
export type Section = {
  readonly name: SectionName
  readonly title: string
  readonly run: (options: SectionOptions) => Promise<SectionResult>
  /** Removes what the section leaves behind for the next with the same `close`; called after the last of them, and when one has failed. */
  readonly close?: () => Promise<void>
}
