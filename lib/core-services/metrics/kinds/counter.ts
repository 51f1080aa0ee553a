/** Rows that are numbers, or numbers by the values of their labels. */
import { increase, type Sums, toName } from '../counts'
import type { Description, From, Metric, Sample } from './row'

/** The values of a label that are not known in advance, such as error codes. Allowed for the last label of a row. */
export const ANY: readonly string[] = []

/** The name of a label in Prometheus, and its values: these are keys in the snapshot. */
type Label = readonly [name: string, values: readonly string[]]
type Labels = readonly Label[]

type Tree = number | { readonly [key: string]: Tree }
type CounterValue<L extends Labels> = L extends readonly [
  infer First extends Label,
  ...infer Rest extends Labels,
]
  ? Record<First[1][number], CounterValue<Rest>>
  : number

interface CounterRow<L extends Labels> extends Description {
  stored: string
  labels?: L
  /** By how much an event raises it, and for which values of its labels. */
  from: From<readonly [amount: number, ...labels: { [Index in keyof L]: L[Index][1][number] }]>
}

export function counter<const L extends Labels = readonly []>(row: CounterRow<L>): Metric<CounterValue<L>> {
  const labels: Labels = row.labels ?? []
  return {
    ...row,
    type: 'counter',
    record: ({ sums }, name, [amount, ...values]: readonly [number, ...string[]]) =>
      increase(sums, toName(name, ...values), amount),
    read: ({ sums }, name) => readTree(sums, name, labels) as CounterValue<L>,
    toSamples: (value) => listSamples(value as Tree, labels),
  }
}

function readTree(sums: Sums, name: string, [label, ...rest]: Labels): Tree {
  if (!label) return sums.get(name) ?? 0
  const [, values] = label
  if (values !== ANY)
    return Object.fromEntries(values.map((value) => [value, readTree(sums, `${name}:${value}`, rest)]))
  const found = [...sums].filter(([counted]) => counted.startsWith(`${name}:`))
  return Object.fromEntries(
    found.map(([counted, amount]) => [decodeURIComponent(counted.slice(name.length + 1)), amount]),
  )
}

function listSamples(tree: Tree, [label, ...rest]: Labels): Sample[] {
  if (typeof tree === 'number') return [{ value: tree }]
  const [name = ''] = label ?? []
  return Object.entries(tree).flatMap(([key, own]) =>
    listSamples(own, rest).map(({ value, labels }) => ({ value, labels: { [name]: key, ...labels } })),
  )
}
