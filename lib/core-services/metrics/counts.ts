/** Counts by name, which are added up, and last events by name, of which the latest is kept. Both have a text form. */

export type Sums = ReadonlyMap<string, number>

export interface Counts {
  readonly sums: Sums
  /** Each text begins with the time of its event, in ms since 1970, and a comma. */
  readonly latest: ReadonlyMap<string, string>
}

export type GrowingCounts = ReturnType<typeof emptyCounts>

export const emptyCounts = () => ({ sums: new Map<string, number>(), latest: new Map<string, string>() })

/** The name of a count: `stored` as the table gives it, and labels, which may be any text. */
export const toName = (stored: string, ...labels: readonly (string | number)[]): string =>
  [stored, ...labels.map(encodeLabel)].join(':')

/** Replaces lone surrogates, which encodeURIComponent throws for: no text may make counting fail. */
function encodeLabel(label: string | number): string {
  const text = String(label)
  return /^[\w.-]*$/.test(text) ? text : encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'))
}

export function increase(sums: Map<string, number>, name: string, amount = 1): void {
  sums.set(name, (sums.get(name) ?? 0) + amount)
}

export function addUp(parts: readonly Sums[]): Map<string, number> {
  const total = new Map<string, number>()
  for (const sums of parts) for (const [name, amount] of sums) increase(total, name, amount)
  return total
}

type Details = readonly (string | number)[]

/** Keeps an event under a name, unless a later one is kept there. */
export function keepLast(counts: GrowingCounts, name: string, at: number, details: Details): void {
  keepLater(counts.latest, name, [at, ...details.map(encodeLabel)].join())
}

type Last = [at: number, ...details: string[]]

export function getLast({ latest }: Pick<Counts, 'latest'>, name: string): Last | null {
  const text = latest.get(name)
  if (text === undefined) return null
  return [Number.parseFloat(text), ...text.split(',').slice(1).map(decodeURIComponent)]
}

function keepLater(latest: Map<string, string>, name: string, text: string): void {
  const before = latest.get(name)
  if (before === undefined || Number.parseFloat(text) >= Number.parseFloat(before)) latest.set(name, text)
}

export function merge(...parts: readonly Counts[]): Counts {
  const merged = new Map<string, string>()
  for (const { latest } of parts) for (const [name, text] of latest) keepLater(merged, name, text)
  return { sums: addUp(parts.map(({ sums }) => sums)), latest: merged }
}

/** The text that the script of metricsStore.ts merges: `name=value;name=value`. */
export function encodeEntries(values: ReadonlyMap<string, string | number>): string {
  const toText = (value: string | number) =>
    typeof value === 'number' ? Number(value.toPrecision(15)) : value
  return [...values].map(([name, value]) => `${name}=${toText(value)}`).join(';')
}

export function decodeEntries(text: string): Map<string, string> {
  const pairs = text.split(';').map((entry) => entry.split('='))
  return new Map(pairs.flatMap(([name, value]) => (name && value !== undefined ? [[name, value]] : [])))
}

/** Leaves out values that are not numbers: the key in Redis may have been written by another program. */
export function decodeSums(text: string): Map<string, number> {
  const numbers = [...decodeEntries(text)].map(([name, value]) => [name, Number(value)] as const)
  return new Map(numbers.filter(([, value]) => Number.isFinite(value)))
}
