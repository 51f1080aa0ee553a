/**
 * Redacts secrets and personal data from texts before they are logged or shown. The error message of a source can quote
 * the requested URL with its key, or the email address it did not find.
 */
import type { Env } from '../shared/env'

/** In characters. */
const MAX_LENGTH = 400
const HIDDEN = '[…]'

/** Environment variables with such names hold secrets, or lists of them separated by commas. */
const SECRET_NAME = /(TOKEN|SECRET|PASS|PASSWORD|PASSWD|PWD|CREDENTIAL|KEY)S?(_OLD)?$/
/** Shorter values occur in ordinary words, and are not redacted. */
const MIN_SECRET_LENGTH = 8

const PATTERNS: readonly [RegExp, string][] = [
  [/\b(bearer|basic) +\S+/gi, `$1 ${HIDDEN}`],
  // Values after the name of a secret, in headers, JSON and queries: a webhook's key, a session's cookie.
  [
    /((?:secret|token|passw(?:or)?d|api[_-]?key|authorization|cookie|content-mac)\w*\\?["']?\s*[:=]\s*\\?["']?)(?=[^\s"',;]*[\d+/=])[^\s"',;]{8,}/gi,
    `$1${HIDDEN}`,
  ],
  // Credentials and query of a URL, and email addresses.
  [/(\b[a-z][a-z\d+.-]{1,20}:\/\/)[^\s/@]*@/gi, `$1${HIDDEN}@`],
  [/(\bhttps?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, `$1?${HIDDEN}`],
  [/[^\s"'<>(),:;=@/…\]]+@[^\s"'<>(),:;=@/]+\.[a-z]{2,}\b/gi, HIDDEN],
  // Anything that looks like a key: long, without a word boundary, with a digit.
  [/(?<![\w+=-])(?=[\w+=-]*\d)[\w+=-]{32,}/g, HIDDEN],
  // Base64 with padding, which may contain slashes.
  [/(?<![\w+/-])[\w+/-]{20,}={1,2}(?![\w+/=-])/g, HIDDEN],
]

// biome-ignore lint/suspicious/noControlCharactersInRegex: these would break lines and colour terminals
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g

/** Makes one line of limited length. Keeps characters whole: pages cannot show half of a surrogate pair. */
export function oneLine(text: string): string {
  const line = text.slice(0, 4 * MAX_LENGTH).replace(CONTROL, ' ')
  const cut = line.length <= MAX_LENGTH ? line : `${line.slice(0, MAX_LENGTH - 1)}…`
  return cut.toWellFormed()
}

/** Splits a list; its entries, and for webhooks (`ach…:secret`) also the part after the colon. */
const splitList = (value: string): string[] =>
  value.split(/[,\s]+/).flatMap((entry) => [entry, entry.slice(entry.indexOf(':') + 1)])

/** The password of a URL with credentials, such as REDIS_URL; as written, and decoded. */
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

/** The secret as it is, percent-encoded, in JSON with escaped slashes, and as URL-safe Base64. */
const spellings = (secret: string): string[] => {
  const urlSafe = secret.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  return [secret, encodeURIComponent(secret), secret.replaceAll('/', '\\/'), urlSafe]
}

/** `env`: holds the secrets of this process. */
export function createRedactor(env: Env): (text: string) => string {
  const secrets = Object.entries(env)
    .flatMap(([name, value = '']) => (SECRET_NAME.test(name) ? splitList(value) : passwordIn(value)))
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .flatMap(spellings)
    // Longest first: one secret may be part of another.
    .sort((one, other) => other.length - one.length)
  return (text) => {
    // Cut first, so that no pattern takes long.
    let clean = text.slice(0, 4 * MAX_LENGTH)
    for (const secret of secrets) clean = clean.replaceAll(secret, HIDDEN)
    for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement)
    return oneLine(clean)
  }
}
