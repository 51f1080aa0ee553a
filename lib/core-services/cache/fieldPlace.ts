/** Where a field stands in Redis, and a look at it. */
import { chargedStore } from './engine/chargedStore'
import { type AnyField, isConfigured } from './engine/fieldConfig'
import type { FieldStore, TokenWrite } from './engine/fieldStore'
import { type Look, lifetimeOf, lookFrom, type Windows } from './engine/look'
import { COARSE_GUARD, guardNames, ownGuard, type Token } from './engine/tokens'
import type { FieldRuntime } from './fieldRuntime'

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

/** Flights and leases are named by it, and each deployment that keeps its own aside has one of its own. */
export function placeName({ memos, deployment }: FieldRuntime, { key }: AnyField): string {
  return memos.of(key).aside ? `${key} aside ${deployment}` : key
}

export function placeOf(runtime: FieldRuntime, store: FieldStore, field: AnyField): Place {
  const name = placeName(runtime, field)
  const entry =
    name === field.key ? store.names.entry(field.key) : store.names.asideEntry(field.key, runtime.deployment)
  return { field, store: storeFor(runtime, store, field), name, entry, guards: guardsFor(field) }
}

/** A store whose costs are told as those of the field. */
export function storeFor({ ports }: FieldRuntime, store: FieldStore, { name }: AnyField): FieldStore {
  return chargedStore(store, (cost) => ports.emit({ type: 'field.charged', field: name, ...cost }))
}

/** The guards that every reader of a field knows. */
export function guardsFor(field: AnyField): string[] {
  return field.dependsOn ? [...guardNames(field), COARSE_GUARD] : guardNames(field)
}

/**
 * One command, or two when the entry depends on what this process has not known; `lease`: a name whose holder is asked
 * for in the same command.
 */
export async function lookAt(runtime: FieldRuntime, place: Place, lease?: string): Promise<Look> {
  const { store, entry, guards } = place
  const memo = runtime.memos.of(place.name)
  const known = place.field.dependsOn ? (memo.dependencies ?? []) : []
  const asked = [...new Set([...guards, ...known])]
  const snapshot = await store.read([
    entry,
    ...asked.map(store.names.guard),
    ...(lease === undefined ? [] : [lease]),
  ])
  const seen = {
    text: snapshot.get(entry),
    holder: lease === undefined ? null : snapshot.get(lease),
    sealed: place.field.advanced?.encrypt === true,
    sentAt: snapshot.sentAt,
  }
  const look = lookFrom({ ...seen, token: (guard) => snapshot.get(store.names.guard(guard)) }, guards, known)
  const unknown = (look.stored?.dependencies ?? []).filter((guard) => !asked.includes(guard))
  if (unknown.length === 0 || !place.field.dependsOn) return noted(runtime, place, look)
  memo.dependencies = look.stored?.dependencies ?? []
  const rest = await store.read(unknown.map(store.names.guard))
  const token = (guard: string): Token | null =>
    (unknown.includes(guard) ? rest : snapshot).get(store.names.guard(guard))
  return noted(runtime, place, lookFrom({ ...seen, token }, guards, [...known, ...unknown]))
}

/** Remembers what a look has told, for this field and for whatever else carries one of its tags. */
function noted({ copies }: FieldRuntime, { name, guards }: Place, look: Look): Look {
  const told = new Map<string, Token | null>(
    guards.map((guard, index) => [guard, look.tokens[index] ?? null]),
  )
  for (const [guard, token] of Object.entries(look.dependencies)) told.set(guard, token)
  copies.noteTokens(told, look.sentAt)
  const copy = copies.get(name)
  // One that is missing tells of no newer one, but what stores it is invalid all the same.
  const lost = copy && Object.keys(copy.entry.tokens).some((guard) => told.get(guard) === null)
  if (lost && copy.provenAt.monotonic <= look.sentAt.monotonic) copies.drop(name)
  return look
}

/** All tokens of a place, with new ones for those that are missing, and the writes that create these. */
export function completeTokens(
  place: Place,
  found: Look['tokens'],
  uniqueToken: () => Token,
): { tokens: Token[]; missing: TokenWrite[] } {
  const tokens = found.map((token) => token ?? uniqueToken())
  const missing = place.guards.flatMap((guard, index) =>
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
  const lifetime = lifetimeOf({ ttl: 1, ...field })
  if (guard !== ownGuard(field.key) || isConfigured(field) || lifetime === 'forever') return undefined
  return Math.max(OWN_TOKEN_SECONDS, 2 * lifetime)
}
