/** Where a field stands in Redis, and a look at it. */

import { getLifetime, type Windows } from '../entry/freshness'
import { COARSE_GUARD, guardNames, ownGuard, type Token } from '../entry/versionTokens'
import { type AnyField, isConfigured } from './fieldConfig'
import type { FieldRuntime } from './fieldRuntime'
import { buildLookup, decodeStored, type Lookup } from './lookup'
import type { FieldMemory } from './memory/fieldMemory'
import type { FieldStore, TokenWrite } from './store/fieldStore'
import { createMeteredStore } from './store/meteredStore'

export interface Place {
  field: AnyField
  store: FieldStore
  /** What this process calls it. */
  name: string
  /** The physical name of its entry. */
  entry: string
  /** The guards that every reader knows: its own, its tags, and with `dependsOn` the coarse one. */
  guards: readonly string[]
}

/** The own token of a member of a family is forgotten some time after its entry; there may be any number of them. */
const OWN_TOKEN_SECONDS = 30 * 86_400

/** SingleFlight and leases are named by it, and each deployment that keeps its own aside has one of its own. */
export function placeName({ hints, deployment }: FieldRuntime, { key }: AnyField): string {
  return hints.get(key).aside ? `${key} aside ${deployment}` : key
}

export function placeOf(runtime: FieldRuntime, store: FieldStore, field: AnyField): Place {
  const name = placeName(runtime, field)
  const entry =
    name === field.key ? store.names.entry(field.key) : store.names.asideEntry(field.key, runtime.deployment)
  return { field, store: storeFor(runtime, store, field), name, entry, guards: guardsFor(field) }
}

/** A store whose costs are told as those of the field, and whose reads tell whether Redis answers. */
export function storeFor(
  { ports, reachability }: FieldRuntime,
  store: FieldStore,
  { name }: AnyField,
): FieldStore {
  const watched = { ...store, read: (names: readonly string[]) => reachability.watch(store.read(names)) }
  return createMeteredStore(watched, (cost) => ports.emit({ type: 'field.charged', field: name, ...cost }))
}

/** The guards that every reader of a field knows. */
export function guardsFor(field: AnyField): string[] {
  return field.dependsOn ? [...guardNames(field), COARSE_GUARD] : guardNames(field)
}

/**
 * One command, or two when the entry depends on what this process has not known; `lease`: a name whose holder is asked
 * for in the same command.
 */
export async function lookAt(runtime: FieldMemory, place: Place, lease?: string): Promise<Lookup> {
  const { store, entry, guards, field } = place
  const known = runtime.hints.get(place.name).dependencies ?? []
  const asked = new Set([...guards, ...known])
  const first = await store.read([
    entry,
    ...[...asked].map(store.names.guard),
    ...(lease === undefined ? [] : [lease]),
  ])
  const text = first.get(entry)
  const stored = decodeStored(text, field.advanced?.encrypt === true)
  const unknown = Object.keys(stored?.tokens ?? {}).filter((guard) => !asked.has(guard))
  const rest = unknown.length === 0 ? first : await store.read(unknown.map(store.names.guard))
  const later = new Set(unknown)
  const token = (guard: string): Token | null =>
    (later.has(guard) ? rest : first).get(store.names.guard(guard))
  if (stored) noteGuards(runtime, place, Object.keys(stored.tokens))
  const told = [...known, ...unknown]
  const seen = { text, token, holder: lease === undefined ? null : first.get(lease), sentAt: first.sentAt }
  return noted(runtime, place, buildLookup(seen, stored, guards, told), [...asked, ...unknown], token)
}

/** So that the next look asks for all tokens of an entry in one command, as far as the reader does not name them anyway. */
export function noteGuards({ hints }: FieldMemory, place: Place, names: readonly string[]): void {
  const fieldHints = hints.get(place.name)
  const named = new Set([...place.guards, ownGuard(place.field.key)])
  const before = fieldHints.dependencies
  if (!before && names.every((guard) => named.has(guard))) return
  const others = names.filter((guard) => guard !== ownGuard(place.field.key))
  if (before?.length === others.length && before.every((guard, index) => guard === others[index])) return
  fieldHints.dependencies = others.length === 0 ? undefined : others
}

/** Remembers what a look has told, for this field and for whatever else carries one of its tags. */
function noted(
  { memoryCache }: FieldMemory,
  { name }: Place,
  look: Lookup,
  asked: readonly string[],
  token: (guard: string) => Token | null,
): Lookup {
  memoryCache.noteTokens(
    asked.map((guard) => [guard, token(guard)] as const),
    look.sentAt,
  )
  const copy = memoryCache.get(name)
  // One that is missing tells of no newer one, but what stores it is invalid all the same.
  const lost = copy && asked.some((guard) => Object.hasOwn(copy.entry.tokens, guard) && token(guard) === null)
  if (lost && copy.provenAt.monotonic <= look.sentAt.monotonic) memoryCache.drop(name)
  return look
}

/** All tokens of what will replace the entry, with new ones for those that are missing, and the writes that create these. */
export function completeTokens(
  place: Place,
  { guards, tokens: found }: Pick<Lookup, 'guards' | 'tokens'>,
  uniqueToken: () => Token,
): { tokens: Token[]; missing: TokenWrite[] } {
  const tokens = found.map((token) => token ?? uniqueToken())
  const missing = guards.flatMap((guard, index) =>
    found[index] === null ? [tokenWrite(place, guard, tokens[index] as Token)] : [],
  )
  return { tokens, missing }
}

/** What creates or rotates the token of a guard of this field. */
export function tokenWrite({ store, field }: Place, guard: string, token: Token): TokenWrite {
  return { name: store.names.guard(guard), token, seconds: tokenSeconds(field, guard) }
}

/** How long a version key is kept, in s; undefined: for ever. */
export function tokenSeconds(
  field: Pick<AnyField, 'key'> & Partial<Windows>,
  guard: string,
): number | undefined {
  const lifetime = getLifetime({ ttl: 1, ...field })
  if (guard !== ownGuard(field.key) || isConfigured(field) || lifetime === 'forever') return undefined
  return Math.max(OWN_TOKEN_SECONDS, 2 * lifetime)
}
