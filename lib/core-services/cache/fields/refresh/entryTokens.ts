/** A fetched entry stores the tokens of its own tags, of the tags it keeps, and of what its value depends on. */

import type { Ports } from '../../../../shared/ports'
import type { Entry } from '../../entry/entry'
import { COARSE_GUARD, isTagGuard, ownGuard, type Token, type TokenMap } from '../../entry/versionTokens'
import { rememberGuards } from '../fieldKeys'
import { askStore } from '../fieldRuntime'
import type { FieldSlot } from '../fieldSlot'
import { type Lookup, MOST_TAGS } from '../lookup'
import type { FieldStore } from '../store/fieldStore'

export type EntryTokens = Pick<Entry, 'tokens' | 'dependencies'>

interface CollectRequest {
  lookup: Pick<Lookup, 'guards' | 'dependencies'>
  /** Captured before the fetch, in the order of the lookup's guards. */
  tokens: readonly Token[]
  /** Guards from `dependsOn`. */
  dependencies: readonly string[]
}

/** Null if what the value depends on may have changed during the fetch. */
export async function collectEntryTokens(
  slot: FieldSlot,
  { lookup, tokens, dependencies }: CollectRequest,
): Promise<EntryTokens | null> {
  const captured = Object.fromEntries(lookup.guards.map((guard, index) => [guard, tokens[index] as Token]))
  const guards = selectGuards(slot, lookup.guards, dependencies)
  // Remembered even if this fetch is discarded: the next one captures these tokens before it begins.
  rememberGuards(slot.runtime, slot, [...guards.filter(isTagGuard), ...dependencies])
  const guardTokens = Object.fromEntries(
    guards.filter((guard) => guard !== COARSE_GUARD).map((guard) => [guard, captured[guard] as Token]),
  )
  if (!slot.config.dependsOn) return { tokens: Object.freeze(guardTokens) }
  const added = dependencies.filter((guard) => !Object.hasOwn(guardTokens, guard))
  const addedTokens = await askStore(slot.runtime, 'dependencies', null, () =>
    readDependencyTokens(slot.runtime.ports, slot.store, {
      dependencies: added,
      coarse: captured[COARSE_GUARD] ?? '',
      captured: lookup.dependencies,
    }),
  )
  return addedTokens && { tokens: Object.freeze({ ...guardTokens, ...addedTokens }), dependencies: added }
}

/** Keeps tags that other readers name as far as there is room. */
function selectGuards(
  slot: FieldSlot,
  guards: readonly string[],
  dependencies: readonly string[],
): readonly string[] {
  const { config: field, hints, guards: named } = slot
  const needed = new Set([...named, ...dependencies, ownGuard(field.key)])
  const others = guards.filter((guard) => !needed.has(guard))
  const room = Math.max(0, MOST_TAGS - [...needed].filter(isTagGuard).length)
  const leftOut = new Set(others.slice(room))
  if (others.length > 0 && !hints.disagreed) {
    hints.disagreed = true
    slot.runtime.ports.emit({
      type: 'tags.disagreed',
      field: field.name,
      kept: others.length - leftOut.size,
      left: leftOut.size,
    })
  }
  return guards.filter((guard) => !leftOut.has(guard))
}

export interface DependencyRequest {
  /** Guards from `dependsOn`. */
  dependencies: readonly string[]
  coarse: Token
  captured: TokenMap
}

/**
 * Tokens captured before the fetch hold as they are. New ones are read after it, with the coarse token: if that is
 * unchanged, no tag was invalidated since the fetch began. Null if it changed: the value answers the readers that wait
 * for it, and is not stored.
 */
export async function readDependencyTokens(
  { uniqueToken }: Pick<Ports, 'uniqueToken'>,
  store: FieldStore,
  { dependencies, coarse, captured }: DependencyRequest,
): Promise<TokenMap | null> {
  const unknown = dependencies.filter((guard) => !Object.hasOwn(captured, guard))
  const tokens = new Map(Object.entries(captured))
  if (unknown.length > 0) {
    const names = [COARSE_GUARD, ...unknown].map(store.names.guard)
    let snapshot = await store.read(names)
    const missing = unknown.filter((guard) => snapshot.get(store.names.guard(guard)) === null)
    if (missing.length > 0) {
      const created = missing.map((guard) => ({ name: store.names.guard(guard), token: uniqueToken() }))
      // Read again after the creation: an invalidation before it would go unnoticed.
      snapshot = await store.createAndRead(created, names)
    }
    if (snapshot.get(store.names.guard(COARSE_GUARD)) !== coarse) return null
    for (const guard of unknown) {
      const token = snapshot.get(store.names.guard(guard))
      if (token === null) return null
      tokens.set(guard, token)
    }
  }
  return Object.fromEntries(dependencies.map((guard) => [guard, tokens.get(guard) as Token]))
}
