/**
 * Freshness tokens. Every entry and every tag has a version key with a random token. An entry stores the tokens read
 * before its fetch began, and is valid only while each of them is present and equal. Three rules keep old values from
 * being served: a token value is written at most once, ever; a token is not used until its write is confirmed; two
 * absent tokens are not equal.
 */
export type Token = string
export type TokenMap = Readonly<Record<string, Token>>

export interface Guarded {
  key: string
  tags?: readonly string[] | undefined
}

/** Its own first: `key:agents_list`, `tag:people`. */
export function guardNames({ key, tags = [] }: Guarded): string[] {
  return [ownGuard(key), ...tagGuards(tags)]
}

export const ownGuard = (key: string): string => `key:${key}`
export const tagGuards = (tags: readonly string[]): string[] =>
  [...new Set(tags)].sort().map((tag) => `tag:${tag}`)

export const isTagGuard = (guard: string): boolean => guard.startsWith('tag:')

/**
 * Every invalidation of tags also changes this token, in the same command: while it is unchanged, no tag was
 * invalidated. No entry stores it.
 */
export const COARSE_GUARD = 'any:tag'

export function areTokensCurrent(
  guards: readonly string[],
  stored: TokenMap,
  current: (guard: string) => Token | null,
): boolean {
  return guards.every((guard) => {
    const now = current(guard)
    return now !== null && Object.hasOwn(stored, guard) && stored[guard] === now
  })
}
