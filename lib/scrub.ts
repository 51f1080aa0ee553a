/**
 * Takes out of texts what may not be told: a source's error can quote the URL that it was asked by, with a key in it, or
 * the person that it did not find.
 */
import type { Env } from './config/env'

/** In characters. */
const LONGEST = 400
const HIDDEN = '[…]'

/** Variables that hold secrets, by how their names end; lists are separated by commas. */
const SECRET_NAME = /(TOKEN|SECRET|PASSWORD|KEY)S?(_OLD)?$/
/** What is shorter is found in ordinary words. */
const SHORTEST_SECRET = 8

const PATTERNS: readonly [RegExp, string][] = [
  [/\b(bearer|basic) +\S+/gi, `$1 ${HIDDEN}`],
  // Of an address: who asks, and what for.
  [/(\bhttps?:\/\/)[^\s/@]*@/gi, `$1${HIDDEN}@`],
  [/(\bhttps?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, `$1?${HIDDEN}`],
  [/[^\s"'<>(),:;=@/…\]]+@[^\s"'<>(),:;=@/]+\.[a-z]{2,}\b/gi, HIDDEN],
  // Whatever looks like a key: long, without a word boundary, and not without digits.
  [/(?<![\w+=-])(?=[\w+=-]*\d)[\w+=-]{32,}/g, HIDDEN],
]

// biome-ignore lint/suspicious/noControlCharactersInRegex: these would break lines and colour terminals
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g

/** One line, of a length that can be read. */
export function oneLine(text: string): string {
  const line = text.slice(0, 4 * LONGEST).replace(CONTROL, ' ')
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`
}

/** `env`: where the secrets of this process stand. */
export function createScrubber(env: Env): (text: string) => string {
  const secrets = Object.entries(env)
    .filter(([name]) => SECRET_NAME.test(name))
    .flatMap(([, value = '']) => value.split(/[,\s]+/))
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    // One may be part of another one.
    .sort((one, other) => other.length - one.length)
  return (text) => {
    // No pattern takes long for what is left, however long the text is.
    let clean = text.slice(0, 4 * LONGEST)
    for (const secret of secrets) clean = clean.replaceAll(secret, HIDDEN)
    for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement)
    return oneLine(clean)
  }
}
