/**
 * Commands over logical keys, applied to the keys of fields. An entry counts as present while its tokens are current.
 * Not a read of the field: no schema, no windows, no fetch.
 */

import type { Ports } from '../../../../shared/ports'
import { decodeEntry, type Entry, isForeignEntry, unpackEntry } from '../../entry/entry'
import { areTokensCurrent, ownGuard } from '../../entry/versionTokens'
import type { SendTogether } from '../../redis/batchedSends'
import type { KeySpace } from '../../redis/commands/keySpace'
import { decodeValue } from '../../redis/json'
import { findFieldByKey } from '../fieldConfig'
import { tokenSeconds } from '../fieldKeys'
import type { FieldMemory } from '../memory/fieldMemory'
import { type FieldStore, revoke } from '../store/fieldStore'
import { headerCommand, readWholeHeader, toText } from '../store/partialEntry'

export type Found<T> = { found: true; value: T } | { found: false }

export interface FieldKeyOptions {
  store: FieldStore
  sendTogether: SendTogether
  keys: KeySpace
  ports: Ports
  memory: () => FieldMemory
}

export type FieldKeyCommands = ReturnType<typeof createFieldKeyCommands>

export function createFieldKeyCommands({ store, sendTogether, keys, ports, memory }: FieldKeyOptions) {
  /** The cipher depends on the name, which only the list of fields tells. */
  const getCipher = (key: string) => memory().cipherFor?.(findFieldByKey(key) ?? { name: key, key })

  /** One command. */
  async function isCurrent(key: string, entry: Entry): Promise<boolean> {
    const { fetchedAt, endMs = Number.POSITIVE_INFINITY, tokens, packing } = entry
    if (!Object.hasOwn(tokens, ownGuard(key)) || ports.clock.now() - fetchedAt >= endMs) return false
    if (packing?.sealed && !(await getCipher(key)?.knows(packing.sealed))) return false
    const guards = Object.keys(tokens)
    const snapshot = await store.read(guards.map(store.names.guard))
    return areTokensCurrent(guards, tokens, (guard) => snapshot.get(store.names.guard(guard)))
  }

  async function isInvalid(key: string, head: string | null): Promise<boolean> {
    if (head === null || !isForeignEntry(head)) return false
    const entry = decodeEntry(await readWholeHeader(sendTogether, keys.physical(key), head))
    return entry === null || !(await isCurrent(key, entry))
  }

  return {
    /** Not checked by the schema of its field. */
    valueIn: async (key: string, entry: Entry): Promise<Found<unknown>> => {
      const unpacked = (await isCurrent(key, entry)) ? await unpackEntry(entry, getCipher(key)) : null
      return unpacked ? { found: true, value: decodeValue(unpacked.body) } : { found: false }
    },

    /** Free for JSON. */
    async open<T>(key: string, text: string): Promise<Found<T>> {
      if (!isForeignEntry(text)) return { found: true, value: decodeValue<T>(text) }
      const entry = decodeEntry(text)
      return entry ? ((await this.valueIn(key, entry)) as Found<T>) : { found: false }
    },

    /** Counts the existing keys that hold entries no reader is served. 1 command for each, and 1 for tokens. */
    async invalidAmong(names: readonly string[]): Promise<number> {
      const heads = await sendTogether(names.map((name) => headerCommand(keys.physical(name))))
      const texts = heads.map(toText)
      const invalid = await Promise.all(names.map((name, index) => isInvalid(name, texts[index] ?? null)))
      return invalid.filter(Boolean).length
    },

    isConfigured: (key: string): boolean => findFieldByKey(key) !== undefined,
    tokenName: (key: string): string => store.names.guard(ownGuard(key)),

    /** Also invalidates the keys of fields. Returns how many existed. `together` sends the commands. */
    async remove(names: readonly string[], together: SendTogether = sendTogether): Promise<number> {
      if (names.length === 0) return 0
      const { memoryCache } = memory()
      const entries = names.map(keys.physical)
      const guards = names.map(ownGuard)
      memoryCache.dropGuarded(guards)
      const tokens = names.map((key) => ({
        name: store.names.guard(ownGuard(key)),
        token: ports.uniqueToken(),
        seconds: tokenSeconds({ key }, ownGuard(key)),
      }))
      const { removed, known } = await revoke(sendTogether, tokens, entries, together)
      // A copy may have been read before the removal and stored during it.
      memoryCache.dropGuarded(guards)
      const invalidated = guards.filter((_, index) => known[index])
      if (invalidated.length > 0) ports.emit({ type: 'field.invalidated', guards: invalidated })
      return removed
    },

    /** For keys that have lost their tokens in Redis. */
    forget(names: readonly string[]): void {
      const { memoryCache, hints } = memory()
      memoryCache.dropGuarded(names.filter((name) => hints.has(name)).map(ownGuard))
    },

    /** The process does not know which copies match a pattern. */
    forgetAll: () => memory().memoryCache.dropAll(),

    /**
     * Writes new tokens and removes the entries. Returns how many existed. 1 or 2 commands, 1 for each key of a family.
     */
    async rotate(names: readonly string[]): Promise<number> {
      await store.writeTokens(
        names.map((key) => ({
          name: store.names.guard(ownGuard(key)),
          token: ports.uniqueToken(),
          seconds: tokenSeconds({ key }, ownGuard(key)),
        })),
      )
      return store.remove(...names.map(keys.physical))
    },
  }
}
