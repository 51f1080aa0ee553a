/** Counts by name, which can be added up, and last words by name, of which the latest stays. Both as short texts, too. */

export interface Tally {
  readonly sums: Map<string, number>
  /** Each begins with when it was said, in ms since 1970, and a comma. */
  readonly latest: Map<string, string>
}

export const emptyTally = (): Tally => ({ sums: new Map(), latest: new Map() })

/** The name of a count; its parts may hold any text. */
export const nameOf = (...parts: readonly (string | number)[]): string => parts.map(encoded).join(':')

/** Half of a character counts as an unknown one: no text may make counting fail. */
function encoded(part: string | number): string {
  const text = String(part)
  return /^[\w.-]*$/.test(text) ? text : encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'))
}

export const partsOf = (name: string): string[] => name.split(':').map(decodeURIComponent)

export function add({ sums }: Tally, name: string, amount = 1): void {
  sums.set(name, (sums.get(name) ?? 0) + amount)
}

export function note({ latest }: Tally, name: string, at: number, ...rest: (string | number)[]): void {
  keepLatest(latest, name, [at, ...rest.map(encoded)].join())
}

/** What was noted under a name: when, and the rest. */
export function noted(
  { latest }: Pick<Tally, 'latest'>,
  name: string,
): [at: number, ...rest: string[]] | null {
  const text = latest.get(name)
  if (text === undefined) return null
  return [saidAt(text), ...text.split(',').slice(1).map(decodeURIComponent)]
}

function keepLatest(latest: Map<string, string>, name: string, text: string): void {
  const before = latest.get(name)
  if (before === undefined || saidAt(text) >= saidAt(before)) latest.set(name, text)
}

/** Adds the second to the first. */
export function merge(into: Tally, { sums, latest }: Tally): Tally {
  for (const [name, amount] of sums) add(into, name, amount)
  for (const [name, text] of latest) keepLatest(into.latest, name, text)
  return into
}

/** As the script of metricsStore.ts reads and writes it: `name=value;name=value`. */
export function encodeSums(sums: ReadonlyMap<string, number>): string {
  return encodeTexts(
    new Map([...sums].map(([name, amount]) => [name, String(Number(amount.toPrecision(15)))])),
  )
}

export function encodeTexts(texts: ReadonlyMap<string, string>): string {
  return [...texts].map((entry) => entry.join('=')).join(';')
}

/** Skips what is no number: somebody else may have written it. */
export function decodeSums(text: string): Map<string, number> {
  const numbers = [...decodeTexts(text)].map(([name, value]) => [name, Number(value)] as const)
  return new Map(numbers.filter(([, value]) => Number.isFinite(value)))
}

export function decodeTexts(text: string): Map<string, string> {
  const pairs = text.split(';').map((entry) => entry.split('='))
  return new Map(pairs.flatMap(([name, value]) => (name && value !== undefined ? [[name, value]] : [])))
}

function saidAt(text: string): number {
  return Number.parseFloat(text)
}
