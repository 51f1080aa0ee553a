/** Counts by name, which are added up, and last events by name, of which the latest is kept. Both have a text form. */

export interface Counts {
  readonly sums: Map<string, number>
  /** Each text begins with the time of its event, in ms since 1970, and a comma. */
  readonly latest: Map<string, string>
}

export const emptyCounts = (): Counts => ({ sums: new Map(), latest: new Map() })

/** The name of a count: `stored` as the table gives it, and labels, which may be any text. */
export const toName = (stored: string, ...labels: readonly (string | number)[]): string =>
  [stored, ...labels.map(encode)].join(':')

/** Replaces lone surrogates, which encodeURIComponent throws for: no text may make counting fail. */
function encode(label: string | number): string {
  const text = String(label)
  return /^[\w.-]*$/.test(text) ? text : encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'))
}

export function increase(sums: Map<string, number>, name: string, amount = 1): void {
  sums.set(name, (sums.get(name) ?? 0) + amount)
}

/** Keeps an event under a name, unless a later one is kept there. */
export function keepLast(
  { latest }: Counts,
  name: string,
  at: number,
  details: readonly (string | number)[],
): void {
  keepLatest(latest, name, [at, ...details.map(encode)].join())
}

/** The event that is kept under a name: its time in ms since 1970, and its details. */
export function getLast(
  { latest }: Pick<Counts, 'latest'>,
  name: string,
): [at: number, ...details: string[]] | null {
  const text = latest.get(name)
  if (text === undefined) return null
  return [parseTime(text), ...text.split(',').slice(1).map(decodeURIComponent)]
}

function keepLatest(latest: Map<string, string>, name: string, text: string): void {
  const before = latest.get(name)
  if (before === undefined || parseTime(text) >= parseTime(before)) latest.set(name, text)
}

/** Adds the second to the first. */
export function merge(into: Counts, { sums, latest }: Counts): Counts {
  for (const [name, amount] of sums) increase(into.sums, name, amount)
  for (const [name, text] of latest) keepLatest(into.latest, name, text)
  return into
}

/** The text that the script of metricsStore.ts merges: `name=value;name=value`. */
export function encodeSums(sums: ReadonlyMap<string, number>): string {
  return encodeTexts(
    new Map([...sums].map(([name, amount]) => [name, String(Number(amount.toPrecision(15)))])),
  )
}

export function encodeTexts(texts: ReadonlyMap<string, string>): string {
  return [...texts].map((entry) => entry.join('=')).join(';')
}

/** Leaves out values that are not numbers: the key in Redis may have been written by another program. */
export function decodeSums(text: string): Map<string, number> {
  const numbers = [...decodeTexts(text)].map(([name, value]) => [name, Number(value)] as const)
  return new Map(numbers.filter(([, value]) => Number.isFinite(value)))
}

export function decodeTexts(text: string): Map<string, string> {
  const pairs = text.split(';').map((entry) => entry.split('='))
  return new Map(pairs.flatMap(([name, value]) => (name && value !== undefined ? [[name, value]] : [])))
}

function parseTime(text: string): number {
  return Number.parseFloat(text)
}
