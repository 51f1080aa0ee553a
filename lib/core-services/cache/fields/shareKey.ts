/**
 * Callers share only work that cannot differ between them: every option counts, also a new one, except those that only
 * affect the reader of the result.
 */
import { processState } from '../../../shared/processState'
import { shortHash } from '../../../shared/shortHash'
import { describeValue } from '../../../shared/text'

const READER_OPTIONS: ReadonlySet<string> = new Set([
  'access',
  'anonymousForce',
  'memoryTtl',
  'refreshEvery',
  'softTimeoutMs',
  'serveInvalidatedOnError',
])
/** Deeper objects are compared by identity, so that one which contains itself ends. */
const DEEPEST = 5

interface Identities {
  /** Holds functions, and objects that are not plain data. */
  names: WeakMap<object, string>
  numbered: number
  process?: string
}

const identities = () => processState<Identities>('identities', () => ({ names: new WeakMap(), numbered: 0 }))

/**
 * Equal for callers in this process who want the same of one field. Functions count by identity; those of a configured
 * field are equal in each evaluation of its module.
 */
export function shareKey(field: object, ...request: readonly unknown[]): string {
  return toText([field, request], 0, getName)
}

/**
 * Like `shareKey`, but short and equal over all instances. Functions of a configured field count by their text; any
 * other one is equal in this process only.
 */
export function shareMark(field: object, ...request: readonly unknown[]): string {
  const state = identities()
  state.process ??= crypto.randomUUID()
  const { process } = state
  const text = toText([field, request], 0, (one) => {
    const name = getName(one)
    return name.startsWith('#') ? process + name : name
  })
  return `${shortHash(text)}${shortHash(`${text}.`)}`
}

/**
 * Like `shareKey`, but functions do not count: readers of one key take what the fetcher of any of them returned, as
 * they do when it comes from Redis.
 */
export function optionsKey(field: object, ...request: readonly unknown[]): string {
  return toText([field, request], 0, () => '')
}

/** Names them by their place in the field and by their text. */
export function nameFunctions(field: { key: string }): void {
  const { names } = identities()
  toText(field, 0, (one, path) => {
    if (!names.has(one)) names.set(one, `${field.key} ${path} ${shortHash(String(one))}`)
    return ''
  })
}

/** Functions made from one original in the same way share a name. */
export function nameAfter(original: object, made: object, how: string): void {
  identities().names.set(made, `${getName(original)} ${how}`)
}

/** Equal over all instances for functions with the same text. Those of a configured field differ from all others. */
export function writtenAs(one: object): string {
  const name = getName(one)
  return name.startsWith('#') ? shortHash(String(one)) : name
}

function getName(one: object): string {
  const state = identities()
  const name = state.names.get(one) ?? `#${++state.numbered}`
  state.names.set(one, name)
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
    .filter(([option, part]) => part !== undefined && !READER_OPTIONS.has(option))
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
