/** The keys of a Redis in memory: values of four types by name, each with its expiry. */

export type Content = string | Map<string, string> | string[] | Set<string>

export interface Keyspace {
  /** Undefined for a key that does not exist or has expired. */
  find(name: string): Content | undefined
  /** This and the next three throw WRONGTYPE when the key holds another type. */
  text(name: string): string | undefined
  hash(name: string): Map<string, string> | undefined
  list(name: string): string[] | undefined
  set(name: string): Set<string> | undefined
  /**
   * `expiresAt`: time in ms.
   * @default never
   */
  put(name: string, content: Content, expiresAt?: number): void
  /** In ms; Infinity for never, undefined when the key does not exist. */
  expiresAt(name: string): number | undefined
  remove(name: string): boolean
  names(): string[]
  clear(): void
}

export function replyError(text: string): Error {
  const error = new Error(text)
  error.name = 'ReplyError'
  return error
}

interface Slot {
  content: Content
  expiresAt: number
}

/** `now`: time in ms. */
export function createKeyspace(now: () => number): Keyspace {
  const slots = new Map<string, Slot>()

  function slot(name: string): Slot | undefined {
    const found = slots.get(name)
    if (found === undefined || found.expiresAt > now()) return found
    slots.delete(name)
    return undefined
  }

  const find = (name: string) => slot(name)?.content

  function findOfKind<T extends Content>(
    name: string,
    is: (content: Content) => content is T,
  ): T | undefined {
    const found = find(name)
    if (found === undefined || is(found)) return found
    throw replyError('WRONGTYPE Operation against a key holding the wrong kind of value')
  }

  return {
    find,
    text: (name) => findOfKind(name, (content) => typeof content === 'string'),
    hash: (name) => findOfKind(name, (content) => content instanceof Map),
    list: (name) => findOfKind(name, (content) => Array.isArray(content)),
    set: (name) => findOfKind(name, (content) => content instanceof Set),
    put: (name, content, expiresAt = Number.POSITIVE_INFINITY) => {
      slots.set(name, { content, expiresAt })
    },
    expiresAt: (name) => slot(name)?.expiresAt,
    remove: (name) => slot(name) !== undefined && slots.delete(name),
    names: () => [...slots.keys()].filter((name) => slot(name) !== undefined).sort(),
    clear: () => slots.clear(),
  }
}
