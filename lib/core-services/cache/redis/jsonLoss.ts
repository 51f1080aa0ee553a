/**
 * Finds what JSON would silently change. `JSON.stringify` turns a Map, a Response or a promise into {}, NaN and
 * undefined items into null, and drops functions. Accepted: a property that is undefined is dropped, -0 becomes 0, and
 * `toJSON` decides, as for a Date.
 */

/** `steps`: innermost first. */
interface Loss {
  what: string
  steps: (string | number)[]
}

const MOST_KEY_CHARACTERS = 60

/**
 * Such as `agents[3].joined is a Map`; undefined when JSON keeps everything. Walks once, without a replacer, which is
 * slow.
 */
export function findLoss(value: unknown): string | undefined {
  return described(lossIn(value))
}

/** For a value that `JSON.stringify` refused: with a BigInt, or containing itself. */
export function findRefusal(value: unknown): string | undefined {
  return described(lossIn(value, new Set()))
}

function described(loss: Loss | undefined): string | undefined {
  if (!loss) return undefined
  const path = loss.steps.reverse().map(pathStep).join('').replace(/^\./, '')
  return `${path === '' ? 'the value' : path} is ${loss.what}`
}

function pathStep(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`
  return /^[A-Za-z_$][\w$]*$/.test(step)
    ? `.${step}`
    : `[${JSON.stringify(step.slice(0, MOST_KEY_CHARACTERS))}]`
}

const found = (what: string): Loss => ({ what, steps: [] })

/** `around`: the objects that contain the value, if a circle is possible. */
function lossIn(value: unknown, around?: Set<object>, key: string | number = ''): Loss | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : found(String(value))
    case 'object':
      return value === null ? undefined : lossInObject(value, around, key)
    case 'bigint':
      return hasToJson(value) ? findLossInJson(value, around, key) : found('a BigInt')
    case 'undefined':
      return found('undefined')
    default:
      return found(`a ${typeof value}`)
  }
}

function lossInObject(
  value: object,
  around: Set<object> | undefined,
  key: string | number,
): Loss | undefined {
  if (ArrayBuffer.isView(value)) return found(article(getTag(value)))
  if (hasToJson(value)) return findLossInJson(value, around, key)
  return lossInParts(value, around)
}

/** `JSON.stringify` does not call `toJSON` on the result of `toJSON`. */
function findLossInJson(
  value: (object | bigint) & ToJson,
  around: Set<object> | undefined,
  key: string | number,
): Loss | undefined {
  if (getTag(value) === 'Date' && Number.isNaN(Number(value))) return found('an invalid Date')
  const json = value.toJSON(String(key))
  return typeof json === 'object' && json !== null ? lossInParts(json, around) : lossIn(json)
}

function lossInParts(value: object, around: Set<object> | undefined): Loss | undefined {
  if (!Array.isArray(value) && !isPlain(value)) {
    const what = lossInInstance(value)
    if (what) return found(what)
  }
  if (around?.has(value)) return found('what contains itself')
  around?.add(value)
  const loss = Array.isArray(value) ? lossInItems(value, around) : lossInProperties(value, around)
  around?.delete(value)
  return loss
}

function lossInItems(items: readonly unknown[], around: Set<object> | undefined): Loss | undefined {
  // A hole counts as undefined.
  for (let index = 0; index < items.length; index += 1) {
    const loss = lossIn(items[index], around, index)
    if (loss) return within(loss, index)
  }
  return undefined
}

function lossInProperties(value: object, around: Set<object> | undefined): Loss | undefined {
  for (const key of Object.keys(value)) {
    const content = (value as Record<string, unknown>)[key]
    const loss = content === undefined ? undefined : lossIn(content, around, key)
    if (loss) return within(loss, key)
  }
  const hidden = Object.getOwnPropertySymbols(value).find((symbol) =>
    Object.prototype.propertyIsEnumerable.call(value, symbol),
  )
  return hidden === undefined ? undefined : found(`what has a property named by a symbol, ${String(hidden)}`)
}

function within(loss: Loss, step: string | number): Loss {
  loss.steps.push(step)
  return loss
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

/** Undefined when its own properties are all its visible data, which JSON keeps. */
function lossInInstance(value: object): string | undefined {
  const tag = getTag(value)
  if (BOXES.has(tag)) return `a ${tag} object`
  if (tag !== 'Object') return article(tag)
  const prototype: object = Object.getPrototypeOf(value)
  if (Object.keys(value).length > 0 && !hasAccessors(prototype)) return undefined
  const made: unknown = prototype.constructor
  const name = typeof made === 'function' && made.name
  return `an object of ${name ? `the class ${name}` : 'a class'} with data that JSON does not see`
}

const BOXES: ReadonlySet<string> = new Set(['String', 'Number', 'Boolean', 'Symbol', 'BigInt'])

const knownPrototypes = new WeakMap<object, boolean>()

/** JSON drops the getters of a class. */
function hasAccessors(prototype: object): boolean {
  const parent: object | null = Object.getPrototypeOf(prototype)
  if (parent === null) return false
  const known = knownPrototypes.get(prototype)
  if (known !== undefined) return known
  const descriptors = Object.values(Object.getOwnPropertyDescriptors(prototype))
  const has = descriptors.some(({ get }) => get !== undefined) || hasAccessors(parent)
  knownPrototypes.set(prototype, has)
  return has
}

interface ToJson {
  toJSON(key: string): unknown
}

const hasToJson = (value: object | bigint): value is (object | bigint) & ToJson =>
  typeof (value as Partial<ToJson>).toJSON === 'function'

/** Such as `Map`, also from another realm. */
const getTag = (value: object | bigint): string => Object.prototype.toString.call(value).slice(8, -1)

const article = (name: string): string => `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`
