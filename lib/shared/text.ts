/**
 * Ends with a whole character; half characters elsewhere become U+FFFD. Otherwise the server could not encode the text,
 * and a browser would show another page than the one sent.
 */
export function truncateText(text: string, most: number): string {
  const beginning = text.slice(0, most)
  const whole = beginning.length < text.length ? beginning.replace(/[\ud800-\udbff]$/, '') : beginning
  return whole.replace(/\p{Surrogate}/gu, '\ufffd')
}

/** For errors: some values cannot be converted to a string. */
export function describeValue(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Not white space, a control, or a character that fonts show as nothing. */
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800]/u

export const firstVisible = (text: string): string => VISIBLE.exec(text)?.[0] ?? ''

/** Excludes lists. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
