/**
 * Freshness tokens. Every entry and every tag has a version key that holds a random token; an entry stores the tokens
 * that stood before its fetch began, and is valid only while each of them is present and equal. Rules, each of which
 * keeps old values from being served: a token value is written at most once, ever; one whose write was not confirmed
 * is never used; two absent tokens are not equal.
 */
export type Token = string
/** Token by the name of what it guards; see `guardNames`. */
export type TokenMap = Readonly<Record<string, Token>>

/** What guards an entry: itself, by a token of its own, and its tags. */
export interface Guarded {
  key: string
  tags?: readonly string[] | undefined
}

/** The names of an entry's tokens, its own first: `key:agents_list`, `tag:people`. */
export function guardNames({ key, tags = [] }: Guarded): string[] {
  return [ownGuard(key), ...tagGuards(tags)]
}

export const ownGuard = (key: string): string => `key:${key}`
export const tagGuards = (tags: readonly string[]): string[] =>
  [...new Set(tags)].sort().map((tag) => `tag:${tag}`)

export const isTagGuard = (guard: string): boolean => guard.startsWith('tag:')

/**
 * The coarse token: every invalidation of tags changes it, in the command that changes the tags. A process that finds it
 * unchanged knows that no tag at all was invalidated meanwhile. No entry stores it.
 */
export const COARSE_GUARD = 'any:tag'

/** True when every guard's token is present in the entry and equal to the one that stands now. */
export function tokensHold(
  guards: readonly string[],
  stored: TokenMap,
  current: (guard: string) => Token | null,
): boolean {
  return guards.every((guard) => {
    const now = current(guard)
    return now !== null && Object.hasOwn(stored, guard) && stored[guard] === now
  })
}
