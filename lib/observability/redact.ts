/**
 * Takes out of texts what may not be told: a source's error can quote the URL that it was asked by, with a key in it, or
 * the person that it did not find.
 */
import type { Env } from '../shared/env'

/** In characters. */
const LONGEST = 400
const HIDDEN = '[…]'

/** Variables that hold secrets, by how their names end; lists are separated by commas. */
const SECRET_NAME = /(TOKEN|SECRET|PASS|PASSWORD|PASSWD|PWD|CREDENTIAL|KEY)S?(_OLD)?$/
/** What is shorter is found in ordinary words. */
const SHORTEST_SECRET = 8

const PATTERNS: readonly [RegExp, string][] = [
  [/\b(bearer|basic) +\S+/gi, `$1 ${HIDDEN}`],
  // What is called a secret, in headers, JSON and queries: the key of a webhook, the cookie of a session.
  [
    /((?:secret|token|passw(?:or)?d|api[_-]?key|authorization|cookie|content-mac)\w*\\?["']?\s*[:=]\s*\\?["']?)(?=[^\s"',;]*[\d+/=])[^\s"',;]{8,}/gi,
    `$1${HIDDEN}`,
  ],
  // Of an address: who asks, and what for.
  [/(\b[a-z][a-z\d+.-]{1,20}:\/\/)[^\s/@]*@/gi, `$1${HIDDEN}@`],
  [/(\bhttps?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, `$1?${HIDDEN}`],
  [/[^\s"'<>(),:;=@/…\]]+@[^\s"'<>(),:;=@/]+\.[a-z]{2,}\b/gi, HIDDEN],
  // Whatever looks like a key: long, without a word boundary, and not without digits.
  [/(?<![\w+=-])(?=[\w+=-]*\d)[\w+=-]{32,}/g, HIDDEN],
  // And Base64 with its padding, which may hold slashes.
  [/(?<![\w+/-])[\w+/-]{20,}={1,2}(?![\w+/=-])/g, HIDDEN],
]

// biome-ignore lint/suspicious/noControlCharactersInRegex: these would break lines and colour terminals
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g

/** One line, of a length that can be read, in whole characters: pages cannot show half of one. */
export function oneLine(text: string): string {
  const line = text.slice(0, 4 * LONGEST).replace(CONTROL, ' ')
  const cut = line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`
  return cut.toWellFormed()
}

/** Entries of a list; those of webhooks are `ach…:secret`. */
const listed = (value: string): string[] =>
  value.split(/[,\s]+/).flatMap((entry) => [entry, entry.slice(entry.indexOf(':') + 1)])

/** Of an address with credentials in it, such as REDIS_URL. */
function passwordIn(value: string): string[] {
  const [, password] = /^[a-z][a-z\d+.-]*:\/\/[^\s/@:]*:([^\s/@]+)@/i.exec(value) ?? []
  return password === undefined ? [] : [password, decoded(password)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** As it stands, in an address, in JSON with escaped slashes, and in the alphabet of Base64 for addresses. */
const spellings = (secret: string): string[] => {
  const forAddresses = secret.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  return [secret, encodeURIComponent(secret), secret.replaceAll('/', '\\/'), forAddresses]
}

/** `env`: where the secrets of this process stand. */
export function createRedactor(env: Env): (text: string) => string {
  const secrets = Object.entries(env)
    .flatMap(([name, value = '']) => (SECRET_NAME.test(name) ? listed(value) : passwordIn(value)))
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap(spellings)
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
