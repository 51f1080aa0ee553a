/**
 * `set` and `expire` on the key of a field: a new entry under a new own token, like a forced refresh. The value is
 * stored unchecked; each reader checks it by its own schema. It counts as fetched now, and ends with the given expiry.
 */

import type { Ports } from '../../../../shared/ports'
import { createSingleFlight } from '../../../../shared/singleFlight'
import { type Entry, encodeBody, unpackEntry } from '../../entry/entry'
import { getLifetime } from '../../entry/freshness'
import { checkBody } from '../../entry/schema'
import { COARSE_GUARD, ownGuard, type Token, type TokenMap } from '../../entry/versionTokens'
import { isRedisFailure, writeContended } from '../../errors'
import { type CacheOptions, setArguments } from '../../redis/commands/setOptions'
import { type AnyField, findFieldByKey } from '../fieldConfig'
import { completeTokens, type FieldKeys, lookUp, readerGuards, tokenSeconds } from '../fieldKeys'
import { type Lookup, uniteGuards } from '../lookup'
import type { FieldMemory } from '../memory/fieldMemory'
import { readDependencyTokens } from '../refresh/entryTokens'
import { readDependencies } from '../refresh/fetchedMetadata'
import { encodeForField } from '../store/entryText'
import type { FieldStore } from '../store/fieldStore'
import type { FieldKeyCommands } from './fieldKeyCommands'

export interface EntryReplacer {
  /**
   * As `set` of Redis: 'OK', or null when `nx` or `xx` was not met; with `get` the old value. 5 commands in 2 requests.
   * Rejects with WRITE_CONTENDED.
   */
  set<T>(key: string, value: T, options?: number | CacheOptions): Promise<'OK' | T | null>
  /** 1 if there was a value, which now ends in `seconds`; else 0. Rejects with WRITE_CONTENDED. */
  expire(key: string, seconds: number): Promise<number>
}

interface Replacement {
  store: FieldStore
  ports: Ports
  memory: () => FieldMemory
  fieldKeys: FieldKeyCommands
}

/** Attempts while other writers change the tokens. Of any number of writers, one succeeds in each round. */
const ATTEMPTS = 30
/** From this attempt on, writers of several instances spread over SPREAD_MS. */
const SPREAD_FROM = 10
const SPREAD_MS = 50
/** How long an entry of a family lives without an expiry, in s: half as long as its token. */
const KEPT_SECONDS = 15 * 86_400

type WriteOutcome = 'stored' | 'contended' | 'refused'

export function createEntryReplacer({ store, ports, memory, fieldKeys }: Replacement): EntryReplacer {
  const { clock, emit, random, uniqueToken } = ports
  const turns = createSingleFlight()

  function keysFor(key: string, seconds = KEPT_SECONDS): FieldKeys {
    const config: AnyField = findFieldByKey(key) ?? {
      name: key,
      key,
      ttl: seconds,
      fetcher: () => Promise.reject(new Error('it is only written')),
    }
    // When Redis has lost the entry, the copy in memory still names its tags.
    const remembered = memory().memoryCache.get(key)?.entry ?? null
    const guards = uniteGuards(readerGuards(config), remembered)
    return { config, store, name: key, entry: store.names.entry(key), guards }
  }

  /**
   * After the first lost attempt, writers of this process take turns. False when nothing was stored. Rejects with
   * WRITE_CONTENDED.
   */
  async function retried(key: string, attempt: () => Promise<WriteOutcome>): Promise<boolean> {
    try {
      const outcome = await attempt()
      return outcome === 'contended'
        ? await turns.queue(key, Symbol(), () => inTurn(key, attempt))
        : outcome === 'stored'
    } catch (error) {
      // Redis may have executed the write without an answer.
      if (isRedisFailure(error)) memory().memoryCache.dropGuarded([ownGuard(key)])
      throw error
    }
  }

  async function inTurn(key: string, attempt: () => Promise<WriteOutcome>): Promise<boolean> {
    for (let round = 1; round < ATTEMPTS; round += 1) {
      emit({ type: 'force.contended', field: findFieldByKey(key)?.name ?? key, attempt: round })
      if (round >= SPREAD_FROM) await clock.sleep(Math.ceil(random() * SPREAD_MS))
      const outcome = await attempt()
      if (outcome !== 'contended') return outcome === 'stored'
    }
    throw writeContended(key, ATTEMPTS)
  }

  /** Null when one of the tags was invalidated meanwhile. */
  async function tokensFor(keys: FieldKeys, lookup: Lookup, body: string): Promise<Captured | null> {
    const { tokens, missing } = completeTokens(keys, lookup, uniqueToken)
    if (missing.length > 0 && !(await store.createTokens(missing)).created) return null
    const { [COARSE_GUARD]: coarse = '', ...own } = Object.fromEntries(
      lookup.guards.map((guard, index) => [guard, tokens[index] as Token]),
    )
    const { dependsOn, schema } = keys.config
    if (!dependsOn) return { tokens: own }
    const checked = await checkBody(schema, body)
    // A value that the schema refuses is never served, so it needs no guards.
    const named = checked.ok
      ? readDependencies(keys.config, checked.value).filter((guard) => !(guard in own))
      : []
    const settled = await readDependencyTokens(ports, keys.store, {
      dependencies: named,
      coarse,
      captured: lookup.dependencies,
    })
    return settled && { tokens: { ...own, ...settled }, dependencies: named }
  }

  async function commit(
    keys: FieldKeys,
    captured: TokenMap,
    entry: Omit<Entry, 'tokens'>,
  ): Promise<WriteOutcome> {
    const { config } = keys
    const guard = ownGuard(config.key)
    const own = { token: uniqueToken(), seconds: tokenSeconds(config, guard) }
    const text = await encodeForField(memory(), config, {
      ...entry,
      tokens: { ...captured, [guard]: own.token },
    })
    if (text === null) {
      emit({ type: 'refresh.skipped', field: config.name, why: 'no-key' })
      return 'refused'
    }
    const { [guard]: before = '', ...others } = captured
    const lifetime = getLifetime(config, entry)
    const since = clock.monotonic()
    const written = await store.writeForced({
      entry: keys.entry,
      text,
      ttl: lifetime === 'forever' ? lifetime : Math.max(1, Math.ceil(lifetime)),
      expected: [[guard, before] as const, ...Object.entries(others)].map(
        ([name, token]) => [store.names.guard(name), token] as const,
      ),
      own,
    })
    if (!written) return 'contended'
    memory().memoryCache.dropGuarded([guard], { token: own.token, since })
    emit({ type: 'field.invalidated', guards: [guard] })
    return 'stored'
  }

  return {
    async set<T>(key: string, value: T, options: number | CacheOptions = {}) {
      setArguments(options)
      const given: CacheOptions = typeof options === 'number' ? { ex: options } : options
      const body = encodeBody(value)
      let before: T | null = null
      let refused = false
      const stored = await retried(key, async () => {
        const now = clock.now()
        const endMs = toEndMs(given, now)
        const keys = keysFor(key, endMs === undefined ? undefined : Math.max(1, Math.ceil(endMs / 1000)))
        const lookup = await lookUp(memory(), keys)
        const found = lookup.valid && (await fieldKeys.valueIn(key, lookup.valid))
        before = found?.found ? (found.value as T) : null
        refused = (given.nx && found?.found) || (given.xx && !found?.found) || false
        // Encrypted under the name of a family, which only its readers know.
        if (refused || (lookup.stored?.packing?.sealed && !keys.config.advanced?.encrypt)) return 'refused'
        const captured = await tokensFor(keys, lookup, body)
        if (!captured) return 'contended'
        const { tokens, ...more } = captured
        return commit(keys, tokens, { body, fetchedAt: now, revision: uniqueToken(), endMs, ...more })
      })
      if (given.get) return stored || refused ? before : null
      return stored ? 'OK' : null
    },

    async expire(key, seconds) {
      let isPlain = false
      const stored = await retried(key, async () => {
        const keys = keysFor(key, seconds)
        const lookup = await lookUp(memory(), keys)
        const cipher = memory().cipherFor?.(keys.config)
        const entry = lookup.valid && (await unpackEntry(lookup.valid, cipher))
        // Its expiry was set by the command that found it.
        isPlain =
          lookup.current !== null && !lookup.stored && !lookup.foreign && !keys.config.advanced?.encrypt
        if (!entry) return 'refused'
        const passedMs = clock.now() - entry.fetchedAt
        const endMs = Math.min(entry.endMs ?? Number.POSITIVE_INFINITY, passedMs + seconds * 1000)
        // Not a fetch: a later force must not share this entry.
        return commit(keys, entry.tokens, { ...entry, forced: undefined, revision: uniqueToken(), endMs })
      })
      return stored || isPlain ? 1 : 0
    },
  }
}

type Captured = Pick<Entry, 'tokens' | 'dependencies'>

/** In ms from now; undefined when only the field's own windows end it. */
function toEndMs({ ex, px, exat, pxat }: CacheOptions, now: number): number | undefined {
  if (ex !== undefined) return ex * 1000
  if (px !== undefined) return px
  if (exat !== undefined) return exat * 1000 - now
  return pxat === undefined ? undefined : pxat - now
}
