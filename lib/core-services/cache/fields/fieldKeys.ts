/** Where a field stands in Redis, and what is found there. */

import type { Instant } from '../../../shared/clock'
import { getLifetime, type Windows } from '../entry/freshness'
import { COARSE_GUARD, guardNames, ownGuard, type Token } from '../entry/versionTokens'
import { type AnyField, isConfigured } from './fieldConfig'
import { buildLookup, decodeStored, type Lookup } from './lookup'
import type { FieldMemory } from './memory/fieldMemory'
import type { FieldStore, TokenWrite } from './store/fieldStore'

export interface FieldKeys {
  readonly config: AnyField
  readonly store: FieldStore
  /** What this process calls the slot: singleFlight and leases are named by it. */
  readonly name: string
  /** The physical key of the entry. */
  readonly entry: string
  /** The guards that every reader of the field knows. */
  readonly guards: readonly string[]
}

/** The guards that every reader of a field knows: its own, its tags, and with `dependsOn` the coarse one. */
export function readerGuards(field: AnyField): string[] {
  return field.dependsOn ? [...guardNames(field), COARSE_GUARD] : guardNames(field)
}

/**
 * Reads an entry and its tokens. One command, or two when the entry carries tags that this process did not know.
 * `lease`: the key of a lease whose holder is read in the same command.
 */
export async function lookUp(memory: FieldMemory, keys: FieldKeys, lease?: string): Promise<Lookup> {
  const { store, entry, guards, config } = keys
  const known = memory.hints.get(keys.name).dependencies ?? []
  const asked = new Set([...guards, ...known])
  const first = await store.read([
    entry,
    ...[...asked].map(store.names.guard),
    ...(lease === undefined ? [] : [lease]),
  ])
  const text = first.get(entry)
  const stored = decodeStored(text, config.advanced?.encrypt === true)
  const unknown = Object.keys(stored?.tokens ?? {}).filter((guard) => !asked.has(guard))
  const rest = unknown.length === 0 ? first : await store.read(unknown.map(store.names.guard))
  const later = new Set(unknown)
  const token = (guard: string): Token | null =>
    (later.has(guard) ? rest : first).get(store.names.guard(guard))
  if (stored) rememberGuards(memory, keys, Object.keys(stored.tokens))
  const seen = { text, token, holder: lease === undefined ? null : first.get(lease), sentAt: first.sentAt }
  const lookup = buildLookup(seen, stored, guards, [...known, ...unknown])
  learnTokens(memory, keys.name, lookup.sentAt, { asked: [...asked, ...unknown], token })
  return lookup
}

/** Remembers the guards that readers do not name, so that the next lookup reads all tokens of an entry in one command. */
export function rememberGuards({ hints }: FieldMemory, keys: FieldKeys, names: readonly string[]): void {
  const known = hints.get(keys.name)
  const own = ownGuard(keys.config.key)
  const named = new Set([...keys.guards, own])
  const before = known.dependencies
  if (!before && names.every((guard) => named.has(guard))) return
  const others = names.filter((guard) => guard !== own)
  if (before?.length === others.length && before.every((guard, index) => guard === others[index])) return
  known.dependencies = others.length === 0 ? undefined : others
}

interface TokensRead {
  asked: readonly string[]
  token(guard: string): Token | null
}

/** Remembers what Redis answered, for this field and for every other one that carries one of its tags. */
function learnTokens(
  { memoryCache }: FieldMemory,
  name: string,
  sentAt: Instant,
  { asked, token }: TokensRead,
): void {
  memoryCache.noteTokens(
    asked.map((guard) => [guard, token(guard)] as const),
    sentAt,
  )
  const copy = memoryCache.get(name)
  // A missing token says nothing of a newer one, but an entry that stores it is invalid.
  const lost = copy && asked.some((guard) => Object.hasOwn(copy.entry.tokens, guard) && token(guard) === null)
  if (lost && copy.provenAt.monotonic <= sentAt.monotonic) memoryCache.drop(name)
}

/** The own token of a member of a family is forgotten some time after its entry; a family has any number of members. */
const OWN_TOKEN_SECONDS = 30 * 86_400

/** All tokens for the entry that will replace this one, with new ones for those that are missing, and their writes. */
export function completeTokens(
  keys: FieldKeys,
  { guards, tokens: found }: Pick<Lookup, 'guards' | 'tokens'>,
  uniqueToken: () => Token,
): { tokens: Token[]; missing: TokenWrite[] } {
  const tokens = found.map((token) => token ?? uniqueToken())
  const missing = guards.flatMap((guard, index) =>
    found[index] === null ? [tokenWrite(keys, guard, tokens[index] as Token)] : [],
  )
  return { tokens, missing }
}

/** Creates or rotates the token of one guard of the field. */
export function tokenWrite({ store, config }: FieldKeys, guard: string, token: Token): TokenWrite {
  return { name: store.names.guard(guard), token, seconds: tokenSeconds(config, guard) }
}

/** How long Redis keeps a version key, in s; undefined: for ever. */
export function tokenSeconds(
  field: Pick<AnyField, 'key'> & Partial<Windows>,
  guard: string,
): number | undefined {
  const lifetime = getLifetime({ ttl: 1, ...field })
  if (guard !== ownGuard(field.key) || isConfigured(field) || lifetime === 'forever') return undefined
  return Math.max(OWN_TOKEN_SECONDS, 2 * lifetime)
}
