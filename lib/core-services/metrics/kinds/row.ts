/** What the rows of all tables have in common, and the values that follow from them. */
import type { EventType, FieldCacheEvent } from '../../../shared/events'
import { type Counts, type GrowingCounts, toName } from '../counts'

/** What each event contributes; null, and events that are not named, contribute nothing. */
export type From<Contribution> = {
  readonly [T in EventType]?: (event: Extract<FieldCacheEvent, { type: T }>) => Contribution | null
}

export interface Row<V = unknown> {
  /** The name of its counts in Redis. Instances of other releases add to the same counts: it never changes. */
  stored: string
  from: From<unknown>
  /** `name`: `stored`, followed by the field if there is one. `at`: when it happened, ms since 1970. */
  record(counts: GrowingCounts, name: string, contribution: unknown, at: number): void
  read(counts: Counts, name: string): V
}

export type SampleLabels = Readonly<Record<string, string>>

export interface Sample {
  /** Null is shown as NaN. */
  value: number | null
  labels?: SampleLabels
  /** Appended to the name. */
  suffix?: '_bucket' | '_sum' | '_count'
}

/** How a row appears in Prometheus: rows of one name become one family, and differ in `fixedLabels`. */
export interface Description {
  name: string
  help: string
  fixedLabels?: SampleLabels
}

export interface Metric<V = unknown> extends Row<V>, Description {
  type: 'counter' | 'histogram'
  toSamples(value: V): Sample[]
}

export interface Table<R extends Row = Row> {
  readonly [key: string]: R | Table<R>
}

/** What a table looks like in the snapshot: the values of its rows under the same keys. */
export type Values<T> = T extends Row<infer V> ? V : { [Key in keyof T]: Values<T[Key]> }

export const isRow = <R extends Row>(node: R | Table<R>): node is R => typeof node.stored === 'string'

export const listRows = <R extends Row>(table: Table<R>): R[] =>
  Object.values(table).flatMap((node) => (isRow(node) ? [node] : listRows(node)))

/** Counts that no row of this release names are left out. */
export function toValues<T extends Table>(table: T, counts: Counts, ...field: string[]): Values<T> {
  const entries = Object.entries(table).map(([key, node]): [string, unknown] => [
    key,
    isRow(node) ? node.read(counts, toName(node.stored, ...field)) : toValues(node, counts, ...field),
  ])
  return Object.fromEntries(entries) as Values<T>
}
