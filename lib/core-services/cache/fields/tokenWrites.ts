/** Which tokens are created or rotated for a field, and how long they are kept. */
import { getLifetime, type Windows } from '../entry/freshness'
import { ownGuard, type Token } from '../entry/versionTokens'
import { type AnyField, isConfigured } from './fieldConfig'
import type { FieldKeys } from './fieldKeys'
import type { Lookup } from './lookup'
import type { TokenWrite } from './store/fieldStore'

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
