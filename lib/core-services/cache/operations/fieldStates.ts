/**
 * The state of all fields, for the admin page: one request for tokens and headers of entries. A fresh header is reused
 * while its tokens are current; an eviction is noticed within a minute.
 */
import type { Freshness } from '../../../shared/events'
import { decodeEntry, type Entry, type EntryHeader } from '../entry/entry'
import { getFreshness, isEntryCurrent } from '../entry/freshness'
import type { Token } from '../entry/versionTokens'
import type { AnyField } from '../fields/fieldConfig'
import { FieldContext } from '../fields/fieldContext'
import { createSlot, type FieldSlot } from '../fields/fieldSlot'
import { allPresent, fingerprintDependencies, flightName, uniteGuards } from '../fields/lookup'
import { FAILED } from '../fields/refresh/lease'
import type { Head } from '../fields/store/entryHeaders'
import type { Snapshot } from '../redis/batchedReads'
import type { RememberedEntry, WatchRuntime } from './watchRuntime'

/** `invalidated`: a token has changed; `unreadable`: another release wrote it. */
export type FieldCondition = Freshness | 'invalidated' | 'unreadable' | 'absent'

export interface FieldState {
  name: string
  condition: FieldCondition
  /** Wall clock, ms; null for what cannot be read. */
  fetchedAt: number | null
  /** Wall clock, ms; null for ever. */
  freshUntil: number | null
  servedUntil: number | null
  storedBytes: number
  /** For a reader, by a process that holds the lease. */
  fetching: boolean
  /** The error code of the source, which no instance asks for a while. */
  cooling: string | null
}

export interface FieldStates {
  fields: FieldState[]
  notes: Pick<Snapshot, 'get'>
}

type Tokens = (guard: string) => Token | null

/** How long a fresh entry is assumed to exist, in ms. */
const BELIEVED_MS = 60_000

/** `notes`: physical names, read in the same request. Rejects with a REDIS_ error or CACHE_UNAVAILABLE. */
export async function readFieldStates(
  runtime: WatchRuntime,
  fields: readonly AnyField[],
  notes: readonly string[] = [],
): Promise<FieldStates> {
  const [store, entryHeaders] = await Promise.all([runtime.store(), runtime.entryHeaders()])
  const slots = fields.map((field) => createSlot(new FieldContext(runtime, field), store))
  const memory = runtime.seen

  /** `odd`: slots with tokens or entries that were not read yet. */
  async function readSlots(wanted: readonly FieldSlot[], others: readonly string[], anew: boolean) {
    const { clock } = runtime.ports
    const names = [
      ...new Set([...wanted.flatMap((slot) => listNames(slot, memory.get(slot.name))), ...others]),
    ]
    const asked = wanted.filter((slot) => anew || !isBelieved(runtime, slot, memory.get(slot.name)))
    const { heads, snapshot } = await entryHeaders.read(
      asked.map(({ entry }) => entry),
      names,
    )
    for (const [index, { name }] of asked.entries())
      memory.set(name, remember(heads[index], memory.get(name), clock.monotonic()))
    const odd = wanted.filter((slot) => {
      const { header = null } = memory.get(slot.name) ?? {}
      if (!header || isEntryCurrent(header, slot.guards, tokensFrom(slot, snapshot))) return false
      const unasked = listNames(slot, memory.get(slot.name)).some((name) => !names.includes(name))
      return unasked || !asked.includes(slot)
    })
    return { snapshot, odd }
  }

  const first = await readSlots(slots, notes, false)
  const second = first.odd.length === 0 ? first : await readSlots(first.odd, [], true)
  return {
    fields: slots.map((slot) => {
      const { snapshot } = first.odd.includes(slot) ? second : first
      const seen = memory.get(slot.name)
      const state = toState(slot, seen, snapshot, runtime.ports.clock.now())
      if (seen) seen.lease = leaseName(slot, seen, tokensFrom(slot, snapshot))
      return state
    }),
    notes: first.snapshot,
  }
}

function listNames({ store, guards }: FieldSlot, seen: RememberedEntry | undefined): string[] {
  const watched = new Set([...guards, ...Object.keys(seen?.header?.tokens ?? {})])
  return [...[...watched].map(store.names.guard), ...(seen?.lease ? [seen.lease] : [])]
}

function isBelieved(
  { ports: { clock } }: WatchRuntime,
  { config }: FieldSlot,
  seen: RememberedEntry | undefined,
): boolean {
  if (!seen?.header || clock.monotonic() - seen.at >= BELIEVED_MS) return false
  return getFreshness(seen.header, config, clock.now()) === 'fresh'
}

function remember(head: Head | undefined, before: RememberedEntry | undefined, at: number): RememberedEntry {
  const { text, bytes } = head ?? { text: null, bytes: 0 }
  const entry = text === null ? null : decodeEntry(text)
  const header = entry && toHeader(entry)
  const lease = before?.header?.revision === header?.revision ? before?.lease : undefined
  return { present: text !== null, header, bytes, at, lease }
}

function toHeader({ body, packing, ...header }: Entry): EntryHeader {
  return header
}

function tokensFrom({ store }: FieldSlot, snapshot: Snapshot): Tokens {
  return (guard) => snapshot.get(store.names.guard(guard))
}

/** Made of tokens that only the first read returns. */
function leaseName(
  { name, config, guards, store }: FieldSlot,
  seen: RememberedEntry,
  token: Tokens,
): string | undefined {
  const united = uniteGuards(guards, seen.header)
  const tokens = united.map(token)
  if (!allPresent(tokens) || (seen.present && !seen.header)) return undefined
  const look = {
    current: seen.header,
    dependencyFingerprint: fingerprintDependencies(seen.header, united, token),
  }
  return store.names.lease(config.key, flightName(name, tokens, look))
}

function toState(
  slot: FieldSlot,
  seen: RememberedEntry | undefined,
  snapshot: Snapshot,
  now: number,
): FieldState {
  const holder = seen?.lease === undefined ? null : snapshot.get(seen.lease)
  const cooling = holder?.startsWith(FAILED) ? holder.slice(FAILED.length) : null
  return {
    name: slot.config.name,
    condition: findCondition(slot, seen, tokensFrom(slot, snapshot), now),
    ...findTimes(slot, seen?.header ?? null),
    storedBytes: seen?.bytes ?? 0,
    fetching: holder !== null && cooling === null,
    cooling,
  }
}

function findCondition(
  slot: FieldSlot,
  seen: RememberedEntry | undefined,
  token: Tokens,
  now: number,
): FieldCondition {
  if (!seen?.present) return 'absent'
  if (!seen.header || (slot.config.dependsOn && !seen.header.dependencies)) return 'unreadable'
  if (!isEntryCurrent(seen.header, slot.guards, token)) return 'invalidated'
  return getFreshness(seen.header, slot.config, now)
}

function findTimes(
  { config: { ttl, staleWhileRevalidate = 0 } }: FieldSlot,
  header: EntryHeader | null,
): Pick<FieldState, 'fetchedAt' | 'freshUntil' | 'servedUntil'> {
  if (!header) return { fetchedAt: null, freshUntil: null, servedUntil: null }
  const { fetchedAt, freshMs = Number.POSITIVE_INFINITY, endMs = Number.POSITIVE_INFINITY } = header
  const ttlMs = ttl === 'forever' ? Number.POSITIVE_INFINITY : ttl * 1000
  return {
    fetchedAt,
    freshUntil: timeOrNull(fetchedAt + Math.min(ttlMs, freshMs, endMs)),
    servedUntil: timeOrNull(fetchedAt + Math.min(ttlMs + staleWhileRevalidate * 1000, endMs)),
  }
}

function timeOrNull(time: number): number | null {
  return Number.isFinite(time) ? time : null
}
