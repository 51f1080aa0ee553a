/** The keys of a field in Redis, and the lookup that reads them. */

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
  /** Names single flights and leases. */
  readonly name: string
  /** Physical key of the entry. */
  readonly entry: string
  readonly guards: readonly string[]
}

/** Guards that follow from a configuration: the field's own, its tags, and with `dependsOn` the coarse one. */
export function readerGuards(field: AnyField): string[] {
  return field.dependsOn ? [...guardNames(field), COARSE_GUARD] : guardNames(field)
}

/**
 * Costs one command, or two when the entry has tags that this process did not know. `lease`: the key of a lease whose
 * holder is read with them.
 */
export async function lookUp(memory: FieldMemory, keys: FieldKeys, lease?: string): Promise<Lookup> {
  const { store, entry, guards, config } = keys
  const hinted = memory.hints.get(keys.name).dependencies ?? []
  const expected = new Set([...guards, ...hinted])
  const first = await store.read([
    entry,
    ...[...expected].map(store.names.guard),
    ...(lease === undefined ? [] : [lease]),
  ])
  const text = first.get(entry)
  const stored = decodeStored(text, config.advanced?.encrypt === true)
  const unexpected = Object.keys(stored?.tokens ?? {}).filter((guard) => !expected.has(guard))
  const second = unexpected.length === 0 ? first : await store.read(unexpected.map(store.names.guard))
  const inSecond = new Set(unexpected)
  const token = (guard: string): Token | null =>
    (inSecond.has(guard) ? second : first).get(store.names.guard(guard))
  if (stored) rememberGuards(memory, keys, Object.keys(stored.tokens))
  const { sentAt } = first
  const reply = { text, token, holder: lease === undefined ? null : first.get(lease), sentAt }
  learnTokens(memory, keys.name, { guards: [...expected, ...unexpected], token, sentAt })
  return buildLookup(reply, { stored, readerGuards: guards, dependencies: [...hinted, ...unexpected] })
}

/** Remembers guards that the configuration does not name: the next lookup reads all tokens in one command. */
export function rememberGuards({ hints }: FieldMemory, keys: FieldKeys, names: readonly string[]): void {
  const fieldHints = hints.get(keys.name)
  const own = ownGuard(keys.config.key)
  const named = new Set([...keys.guards, own])
  const before = fieldHints.dependencies
  if (!before && names.every((guard) => named.has(guard))) return
  const others = names.filter((guard) => guard !== own)
  if (before?.length === others.length && before.every((guard, index) => guard === others[index])) return
  fieldHints.dependencies = others.length === 0 ? undefined : others
}

interface TokensRead {
  guards: readonly string[]
  token(guard: string): Token | null
  sentAt: Instant
}

/** Records tokens for this field and all others that share a tag with it. */
function learnTokens(
  { memoryCache }: FieldMemory,
  name: string,
  { guards, token, sentAt }: TokensRead,
): void {
  memoryCache.noteTokens(
    guards.map((guard) => [guard, token(guard)] as const),
    sentAt,
  )
  const copy = memoryCache.get(name)
  // Memory records no missing token, but an entry that stores it is invalid.
  const lost =
    copy && guards.some((guard) => Object.hasOwn(copy.entry.tokens, guard) && token(guard) === null)
  if (lost && copy.provenAt.monotonic <= sentAt.monotonic) memoryCache.drop(name)
}

/** How long Redis keeps the own token of a family member, in s. A family has any number of members. */
const OWN_TOKEN_SECONDS = 30 * 86_400

/** Draws new tokens for those that are missing. `missing`: the writes that create them. */
export function completeTokens(
  keys: FieldKeys,
  { guards, tokens: foundTokens }: Pick<Lookup, 'guards' | 'tokens'>,
  uniqueToken: () => Token,
): { tokens: Token[]; missing: TokenWrite[] } {
  const tokens = foundTokens.map((token) => token ?? uniqueToken())
  const missing = guards.flatMap((guard, index) =>
    foundTokens[index] === null ? [tokenWrite(keys, guard, tokens[index] as Token)] : [],
  )
  return { tokens, missing }
}

export function tokenWrite({ store, config }: FieldKeys, guard: string, token: Token): TokenWrite {
  return { name: store.names.guard(guard), token, seconds: tokenSeconds(config, guard) }
}

/** How long Redis keeps a token, in s; undefined: for ever. */
export function tokenSeconds(
  field: Pick<AnyField, 'key'> & Partial<Windows>,
  guard: string,
): number | undefined {
  const lifetime = getLifetime({ ttl: 1, ...field })
  if (guard !== ownGuard(field.key) || isConfigured(field) || lifetime === 'forever') return undefined
  return Math.max(OWN_TOKEN_SECONDS, 2 * lifetime)
}
