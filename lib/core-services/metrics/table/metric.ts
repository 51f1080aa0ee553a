/** The kinds of rows that a table of metrics has, and the values that follow from them. */
import type { EventType, FieldCacheEvent } from '../../../shared/events'
import { BUCKETS_MS, type Latency, toLatency } from '../histogram'

/** The values of a label that are not known in advance, such as error codes. Allowed for the last label of a row. */
export const ANY: readonly string[] = []

/** The name of a label in Prometheus, and its values: these are keys in the snapshot. */
type Label = readonly [name: string, values: readonly string[]]
type Labels = readonly Label[]
type LabelValues<L extends Labels> = { [Index in keyof L]: L[Index][1][number] }

type EventByType<T extends EventType> = Extract<FieldCacheEvent, { type: T }>
/** What each event contributes; events that are not named contribute nothing. */
export type From<Result> = { readonly [T in EventType]?: (event: EventByType<T>) => Result }

/** What an event contributes; undefined when `from` does not name it. */
export function getContribution<Result>(from: From<Result>, event: FieldCacheEvent): Result | undefined {
  const contribute = from[event.type] as ((event: FieldCacheEvent) => Result) | undefined
  return contribute?.(event)
}

interface Row {
  /** The name of its counts in Redis. Instances of other releases add to the same counts: it never changes. */
  stored: string
  /** In Prometheus. Rows of one name are samples of one family. */
  name: string
  /** For Prometheus; the first row of a name gives it. */
  help: string
  /** Labels of every sample, which tell apart rows of one name. */
  fixedLabels?: Readonly<Record<string, string>>
}

export interface Counter<L extends Labels = Labels> extends Row {
  kind: 'counter'
  labels: L
  /** By how much an event raises it, and for which values of its labels; null: not at all. */
  from: From<readonly [amount: number, ...labels: LabelValues<L>] | null>
}

export interface Histogram extends Row {
  kind: 'histogram'
  /** In ms; Prometheus gets seconds. */
  unit: 'ms'
  /** The duration that an event reports. */
  from: From<number>
}

export type Metric = Counter | Histogram

/** Rows by their names in the snapshot. */
export interface MetricTable {
  readonly [key: string]: Metric | MetricTable
}

export function counter<const L extends Labels = readonly []>(
  row: Omit<Counter<L>, 'kind' | 'labels'> & { labels?: L },
): Counter<L> {
  return { kind: 'counter', ...row, labels: row.labels ?? ([] as Labels as L) }
}

export function histogram(row: Omit<Histogram, 'kind'>): Histogram {
  return { kind: 'histogram', ...row }
}

/** A number; with labels, numbers by the values of these. */
type CounterValue<L extends Labels> = L extends readonly [
  infer First extends Label,
  ...infer Rest extends Labels,
]
  ? Record<First[1][number], CounterValue<Rest>>
  : number

/** What a table looks like in the snapshot. */
export type Values<T> =
  T extends Counter<infer L>
    ? CounterValue<L>
    : T extends Histogram
      ? Latency
      : { [Key in keyof T]: Values<T[Key]> }

/** A value of any row, or of a table. */
export type Value = number | Latency | { readonly [key: string]: Value }

const isMetric = (node: Metric | MetricTable): node is Metric => typeof node.kind === 'string'

/** All rows of a table, in order; `path`: the keys that lead to the row, and to its value in the snapshot. */
export function listMetrics(
  table: MetricTable,
  path: readonly string[] = [],
): { path: readonly string[]; metric: Metric }[] {
  return Object.entries(table).flatMap(([key, node]) =>
    isMetric(node) ? [{ path: [...path, key], metric: node }] : listMetrics(node, [...path, key]),
  )
}

/** The value of a row in the values of its table. */
export const getValue = (values: object, path: readonly string[]): Value =>
  path.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], values) as Value

/** The values of a table, from its counts by name. Counts that no row of this release names are left out. */
export function toValues<T extends MetricTable>(table: T, sums: ReadonlyMap<string, number>): Values<T> {
  const entries = Object.entries(table).map(([key, node]): [string, Value] => {
    if (!isMetric(node)) return [key, toValues(node, sums)]
    return [key, node.kind === 'counter' ? toCounts(node.stored, node.labels, sums) : latency(node, sums)]
  })
  return Object.fromEntries(entries) as Values<T>
}

function toCounts(name: string, [label, ...rest]: Labels, sums: ReadonlyMap<string, number>): Value {
  if (!label) return sums.get(name) ?? 0
  const [, values] = label
  if (values !== ANY)
    return Object.fromEntries(values.map((value) => [value, toCounts(`${name}:${value}`, rest, sums)]))
  const found = [...sums].filter(([counted]) => counted.startsWith(`${name}:`))
  return Object.fromEntries(
    found.map(([counted, amount]) => [decodeURIComponent(counted.slice(name.length + 1)), amount]),
  )
}

function latency({ stored }: Histogram, sums: ReadonlyMap<string, number>): Latency {
  const buckets = Array.from(
    { length: BUCKETS_MS.length + 1 },
    (_, index) => sums.get(`${stored}:${index}`) ?? 0,
  )
  return toLatency(buckets, sums.get(`${stored}:ms`) ?? 0)
}
