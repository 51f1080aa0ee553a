/** The commands for hashes, lists and sets. A collection that becomes empty is removed. */
import { type CommandTable, integer } from './keyCommands'
import type { Content, Keyspace } from './keyspace'

export function collectionCommands(keys: Keyspace): CommandTable {
  const keep = (name: string, content: Exclude<Content, string>): void => {
    const size = Array.isArray(content) ? content.length : content.size
    if (size > 0) keys.put(name, content, keys.expiresAt(name))
    else keys.remove(name)
  }
  const push =
    (add: (list: string[], item: string) => void): CommandTable[string] =>
    ([name = '', ...items]) => {
      const list = keys.list(name) ?? []
      for (const item of items) add(list, item)
      keep(name, list)
      return list.length
    }
  const pop =
    (take: (list: string[]) => string | undefined): CommandTable[string] =>
    ([name = '']) => {
      const list = keys.list(name) ?? []
      const item = take(list)
      keep(name, list)
      return item ?? null
    }

  return {
    HGET: ([name = '', field = '']) => keys.hash(name)?.get(field) ?? null,
    HGETALL: ([name = '']) => [...(keys.hash(name) ?? [])].flat(),
    HSET: ([name = '', ...pairs]) => {
      const hash = keys.hash(name) ?? new Map<string, string>()
      const before = hash.size
      for (let index = 0; index < pairs.length; index += 2)
        hash.set(pairs[index] ?? '', pairs[index + 1] ?? '')
      keep(name, hash)
      return hash.size - before
    },
    HDEL: ([name = '', ...fields]) => {
      const hash = keys.hash(name) ?? new Map<string, string>()
      const removed = fields.filter((field) => hash.delete(field)).length
      keep(name, hash)
      return removed
    },

    LPUSH: push((list, item) => list.unshift(item)),
    RPUSH: push((list, item) => list.push(item)),
    LPOP: pop((list) => list.shift()),
    RPOP: pop((list) => list.pop()),
    LRANGE: ([name = '', start = '', stop = '']) => {
      const list = keys.list(name) ?? []
      const from = integer(start)
      const to = integer(stop)
      return list.slice(
        from < 0 ? Math.max(0, list.length + from) : from,
        to < 0 ? Math.max(0, list.length + to + 1) : to + 1,
      )
    },

    SADD: ([name = '', ...members]) => {
      const set = keys.set(name) ?? new Set<string>()
      const before = set.size
      for (const member of members) set.add(member)
      keep(name, set)
      return set.size - before
    },
    SREM: ([name = '', ...members]) => {
      const set = keys.set(name) ?? new Set<string>()
      const removed = members.filter((member) => set.delete(member)).length
      keep(name, set)
      return removed
    },
    SMEMBERS: ([name = '']) => [...(keys.set(name) ?? [])],
    SISMEMBER: ([name = '', member = '']) => (keys.set(name)?.has(member) ? 1 : 0),
  }
}
