/**
 * How all fields stand in Redis, for whoever watches them: one request for all, which asks for tokens and for the
 * headers of entries, never for values. A header that was seen is believed while its tokens stand and it is fresh: only
 * an eviction could have changed it, and that is looked for once a minute.
 */

import type { Freshness } from '../../../shared/events'
import { decodeEntry, type Entry, type EntryHeader } from '../entry/entry'
import { getFreshness, holds } from '../entry/freshness'
import type { Token } from '../entry/versionTokens'
import type { AnyField } from '../fields/fieldConfig'
import { type Place, placeOf } from '../fields/fieldPlace'
import { allPresent, flightName, uniteGuards, watchedTokens } from '../fields/lookup'
import { FAILED } from '../fields/refresh/resolveMiss'
import type { Head } from '../fields/store/entryHeaders'
import type { Snapshot } from '../redis/batchedReads'
import type { SeenEntry, WatchRuntime } from './watchRuntime'

/** `invalidated`: declared outdated by a token; `unreadable`: what stands there was not written by this release. */
export type FieldCondition = Freshness | 'invalidated' | 'unreadable' | 'absent'

export interface FieldState {
  name: string
  condition: FieldCondition
  /** When the fetch of its value began; wall clock, ms. Null for what cannot be read. */
  fetchedAt: number | null
  /** Until when the value is fresh, and until when it is served while it is refreshed; wall clock, ms, null for ever. */
  freshUntil: number | null
  servedUntil: number | null
  /** As Redis holds it: header included, the value maybe compressed. */
  storedBytes: number
  /** Somebody fetches it because a reader asked: the holder of the lease. */
  fetching: boolean
  /** The source failed with this code a moment ago, and the whole cluster leaves it alone. */
  cooling: string | null
}

export interface FieldStates {
  /** In the order of the fields. */
  fields: FieldState[]
  /** The texts of the names that were asked for besides. */
  notes: Pick<Snapshot, 'get'>
}

type Tokens = (guard: string) => Token | null

/** How long a fresh entry is believed to be there, in ms. */
const BELIEVED_MS = 60_000

/** `notes`: physical names, read in the same request. Rejects with a REDIS_ error or CACHE_UNAVAILABLE. */
export async function readFieldStates(
  runtime: WatchRuntime,
  fields: readonly AnyField[],
  notes: readonly string[] = [],
): Promise<FieldStates> {
  const [store, entryHeaders] = await Promise.all([runtime.store(), runtime.entryHeaders()])
  const places = fields.map((field) => placeOf(runtime, store, field))
  const memory = runtime.seen

  /** Looks at the places and tells which of them it has not understood: those need a second look. */
  async function look(wanted: readonly Place[], others: readonly string[], anew: boolean) {
    const { clock } = runtime.ports
    const names = [
      ...new Set([...wanted.flatMap((place) => namesOf(place, memory.get(place.name))), ...others]),
    ]
    const asked = wanted.filter((place) => anew || !believed(runtime, place, memory.get(place.name)))
    const { heads, snapshot } = await entryHeaders.read(
      asked.map(({ entry }) => entry),
      names,
    )
    for (const [index, { name }] of asked.entries())
      memory.set(name, seenIn(heads[index], memory.get(name), clock.monotonic()))
    const odd = wanted.filter((place) => {
      const { header = null } = memory.get(place.name) ?? {}
      if (!header || holds(header, place.guards, tokensFrom(place, snapshot))) return false
      const unasked = namesOf(place, memory.get(place.name)).some((name) => !names.includes(name))
      return unasked || !asked.includes(place)
    })
    return { snapshot, odd }
  }

  const first = await look(places, notes, false)
  const second = first.odd.length === 0 ? first : await look(first.odd, [], true)
  return {
    fields: places.map((place) => {
      const { snapshot } = first.odd.includes(place) ? second : first
      const seen = memory.get(place.name)
      const state = stateOf(place, seen, snapshot, runtime.ports.clock.now())
      if (seen) seen.lease = leaseName(place, seen, tokensFrom(place, snapshot))
      return state
    }),
    notes: first.snapshot,
  }
}

function namesOf({ store, guards }: Place, seen: SeenEntry | undefined): string[] {
  const watched = new Set([...guards, ...Object.keys(seen?.header?.tokens ?? {})])
  return [...[...watched].map(store.names.guard), ...(seen?.lease ? [seen.lease] : [])]
}

function believed(
  { ports: { clock } }: WatchRuntime,
  { field }: Place,
  seen: SeenEntry | undefined,
): boolean {
  if (!seen?.header || clock.monotonic() - seen.at >= BELIEVED_MS) return false
  return getFreshness(seen.header, field, clock.now()) === 'fresh'
}

function seenIn(head: Head | undefined, before: SeenEntry | undefined, at: number): SeenEntry {
  const { text, bytes } = head ?? { text: null, bytes: 0 }
  const entry = text === null ? null : decodeEntry(text)
  const header = entry && headerOf(entry)
  const lease = before?.header?.revision === header?.revision ? before?.lease : undefined
  return { present: text !== null, header, bytes, at, lease }
}

function headerOf({ body, packing, ...header }: Entry): EntryHeader {
  return header
}

function tokensFrom({ store }: Place, snapshot: Snapshot): Tokens {
  return (guard) => snapshot.get(store.names.guard(guard))
}

/** Known one look later than the entry, because it is made of tokens that this one has found. */
function leaseName(
  { name, field, guards, store }: Place,
  seen: SeenEntry,
  token: Tokens,
): string | undefined {
  const united = uniteGuards(guards, seen.header)
  const tokens = united.map(token)
  if (!allPresent(tokens) || (seen.present && !seen.header)) return undefined
  const look = { replaced: seen.header, watched: watchedTokens(seen.header, united, token) }
  return store.names.lease(field.key, flightName(name, tokens, look))
}

function stateOf(place: Place, seen: SeenEntry | undefined, snapshot: Snapshot, now: number): FieldState {
  const holder = seen?.lease === undefined ? null : snapshot.get(seen.lease)
  const cooling = holder?.startsWith(FAILED) ? holder.slice(FAILED.length) : null
  return {
    name: place.field.name,
    condition: conditionOf(place, seen, tokensFrom(place, snapshot), now),
    ...timesOf(place, seen?.header ?? null),
    storedBytes: seen?.bytes ?? 0,
    fetching: holder !== null && cooling === null,
    cooling,
  }
}

function conditionOf(place: Place, seen: SeenEntry | undefined, token: Tokens, now: number): FieldCondition {
  if (!seen?.present) return 'absent'
  if (!seen.header || (place.field.dependsOn && !seen.header.dependencies)) return 'unreadable'
  if (!holds(seen.header, place.guards, token)) return 'invalidated'
  return getFreshness(seen.header, place.field, now)
}

function timesOf(
  { field: { ttl, staleWhileRevalidate = 0 } }: Place,
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
