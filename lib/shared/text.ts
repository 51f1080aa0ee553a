/** Texts of others that are shown to people. */

/**
 * The beginning of a text, of so many UTF-16 units at most. It ends with a whole character, and half of one elsewhere
 * becomes U+FFFD: the server could not write it, so a browser would show another page than the one that it was sent.
 */
export function truncateText(text: string, most: number): string {
  const beginning = text.slice(0, most)
  const whole = beginning.length < text.length ? beginning.replace(/[\ud800-\udbff]$/, '') : beginning
  return whole.replace(/\p{Surrogate}/gu, '\ufffd')
}

/** Anything that was given for an option, as an error may repeat it: not all of it has a text of its own. */
export function describeValue(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** What is to be seen of a text: neither white space, nor controls, nor what Unicode has fonts show as nothing. */
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800]/u

/** The first character that shows; empty for a text of invisible ones alone. */
export const firstVisible = (text: string): string => VISIBLE.exec(text)?.[0] ?? ''
