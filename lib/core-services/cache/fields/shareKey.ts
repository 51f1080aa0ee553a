/**
 * Names what callers may share. Two callers share a piece of work only if nothing that it does could differ between them:
 * every option counts but those that only the reader of the result acts on, and so does a new one, unless it is added there.
 */
import { processState } from '../../../shared/processState'
import { shortHash } from '../../../shared/shortHash'
import { describeValue } from '../../../shared/text'

/** Options that affect neither the fetch nor the stored entry. */
const OF_READERS: ReadonlySet<string> = new Set([
  'access',
  'anonymousForce',
  'memoryTtl',
  'refreshEvery',
  'softTimeoutMs',
  'serveInvalidatedOnError',
])
/** Options that lie deeper than this are told apart by identity, so that one which holds itself ends. */
const DEEPEST = 5

interface Identities {
  /** What each function, and each object that is more than data, is called. */
  names: WeakMap<object, string>
  strangers: number
  /** Tells what is numbered in this process from what another one numbers. */
  process?: string
}

const identities = () =>
  processState<Identities>('identities', () => ({ names: new WeakMap(), strangers: 0 }))

/**
 * The same for callers whose request is the same, within this process. `request`: what it asks for besides the field.
 * Functions are told apart by identity; those of a configured field are the same in each evaluation of its module.
 */
export function shareKey(field: object, ...request: readonly unknown[]): string {
  return toText([field, request], 0, getName)
}

/**
 * The same over all instances, short enough to be stored. Functions of a configured field are the same wherever they are
 * written the same; any other one is known in this process alone.
 */
export function shareMark(field: object, ...request: readonly unknown[]): string {
  const known = identities()
  known.process ??= crypto.randomUUID()
  const { process } = known
  const text = toText([field, request], 0, (one) => {
    const name = getName(one)
    return name.startsWith('#') ? process + name : name
  })
  return `${shortHash(text)}${shortHash(`${text}.`)}`
}

/**
 * The same, but that functions do not count: readers of one key take what the fetcher of any of them has brought, as they
 * do when it comes from Redis.
 */
export function optionsKey(field: object, ...request: readonly unknown[]): string {
  return toText([field, request], 0, () => '')
}

/** Names the functions of a configured field, by their place in it and by their text. */
export function nameFunctions(field: { key: string }): void {
  const { names } = identities()
  toText(field, 0, (one, path) => {
    if (!names.has(one)) names.set(one, `${field.key} ${path} ${shortHash(String(one))}`)
    return ''
  })
}

/** Functions that are made of one original in the same way share an identity, which differs from the original's. */
export function nameAfter(original: object, made: object, how: string): void {
  identities().names.set(made, `${getName(original)} ${how}`)
}

/**
 * The same over all instances for what is written the same, made anew by each call or not: for what one call leaves to the
 * next. What a configured field is made of differs from everything else.
 */
export function writtenAs(one: object): string {
  const name = getName(one)
  return name.startsWith('#') ? shortHash(String(one)) : name
}

function getName(one: object): string {
  const known = identities()
  const name = known.names.get(one) ?? `#${++known.strangers}`
  known.names.set(one, name)
  return name
}

function toText(
  value: unknown,
  depth: number,
  name: (one: object, path: string) => string,
  path = '',
): string {
  if (typeof value === 'function') return `<${name(value, path)}>`
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return describeValue(value)
  if (depth > DEEPEST || !(Array.isArray(value) || isData(value))) return `<${name(value, path)}>`
  const parts = Object.entries(value)
    .filter(([option, part]) => part !== undefined && !OF_READERS.has(option))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(
      ([option, part]) => `${JSON.stringify(option)}:${toText(part, depth + 1, name, `${path}.${option}`)}`,
    )
  return `{${parts.join()}}`
}

function isData(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
