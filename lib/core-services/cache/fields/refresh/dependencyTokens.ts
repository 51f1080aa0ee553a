/**
 * Tokens of what only the value tells. Those captured before the fetch hold as they are. New ones are read after it,
 * together with the coarse token: if that is still the one captured before the fetch, no tag was invalidated since, and
 * they are as good as captured.
 */
import type { Ports } from '../../../../shared/ports'
import { COARSE_GUARD, type Token, type TokenMap } from '../../entry/versionTokens'
import type { FieldStore } from '../store/fieldStore'

export interface DependencyRequest {
  /** The guards that only the value tells. */
  dependencies: readonly string[]
  /** The coarse token as it was captured before the fetch. */
  coarse: Token
  /** The tokens of dependencies that were captured before the fetch. */
  captured: TokenMap
}

/** Null when something was invalidated meanwhile: then the value serves the readers that wait for it, and no later one. */
export async function dependencyTokens(
  { uniqueToken }: Pick<Ports, 'uniqueToken'>,
  store: FieldStore,
  { dependencies, coarse, captured }: DependencyRequest,
): Promise<TokenMap | null> {
  const unknown = dependencies.filter((guard) => !Object.hasOwn(captured, guard))
  const tokens = new Map(Object.entries(captured))
  if (unknown.length > 0) {
    const names = [COARSE_GUARD, ...unknown].map(store.names.guard)
    let seen = await store.read(names)
    const missing = unknown.filter((guard) => seen.get(store.names.guard(guard)) === null)
    if (missing.length > 0) {
      const created = missing.map((guard) => ({ name: store.names.guard(guard), token: uniqueToken() }))
      // Read again after the creation: an invalidation that came before it would go unnoticed.
      seen = await store.createAndRead(created, names)
    }
    if (seen.get(store.names.guard(COARSE_GUARD)) !== coarse) return null
    for (const guard of unknown) {
      const token = seen.get(store.names.guard(guard))
      if (token === null) return null
      tokens.set(guard, token)
    }
  }
  return Object.fromEntries(dependencies.map((guard) => [guard, tokens.get(guard) as Token]))
}
