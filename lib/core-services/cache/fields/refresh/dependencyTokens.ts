/**
 * Tokens of what only the value tells. Those captured before the fetch hold as they are. New ones are read after it,
 * together with the coarse token: if that is still the one captured before the fetch, no tag was invalidated since, and
 * they are as good as captured.
 */
import { COARSE_GUARD, type Token, type TokenMap } from '../../entry/versionTokens'
import type { Place } from '../fieldPlace'
import type { FieldRuntime } from '../fieldRuntime'

/** Null when something was invalidated meanwhile: then the value is for whoever asked, and for nobody later. */
export async function dependencyTokens(
  { ports }: Pick<FieldRuntime, 'ports'>,
  { store }: Place,
  dependencies: readonly string[],
  coarse: Token,
  captured: TokenMap,
): Promise<TokenMap | null> {
  const unknown = dependencies.filter((guard) => !Object.hasOwn(captured, guard))
  const tokens = new Map(Object.entries(captured))
  if (unknown.length > 0) {
    const names = [COARSE_GUARD, ...unknown].map(store.names.guard)
    let seen = await store.read(names)
    const missing = unknown.filter((guard) => seen.get(store.names.guard(guard)) === null)
    if (missing.length > 0) {
      const created = missing.map((guard) => ({ name: store.names.guard(guard), token: ports.uniqueToken() }))
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
