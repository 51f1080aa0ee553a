/** Tokens: what makes an entry valid, and how new ones come about. */
import type { Mutation } from './mutation'

const HOLD = "return typeof now === 'string' && Object.hasOwn(stored, guard) && stored[guard] === now"

export const tokenMutations: readonly Mutation[] = [
  {
    name: 'tokens are not compared',
    edits: [{ file: 'engine/tokens.ts', search: HOLD, replace: 'return now !== undefined' }],
  },
  {
    name: 'a missing token counts as equal',
    edits: [
      { file: 'engine/tokens.ts', search: HOLD, replace: 'return now === null || stored[guard] === now' },
    ],
  },
  {
    name: 'tokens are captured after the fetch',
    edits: [
      {
        file: 'fillField.ts',
        search: '    const text = encodeEntry(fetched.entry)\n    const stored = await askStore',
        replace: `    const names = guards.map(store.names.guard)
    const now = await store.read(names)
    fetched.entry = { ...fetched.entry, tokens: tokenMap(guards, names.map((name) => now.get(name) ?? '')) }
    const text = encodeEntry(fetched.entry)
    const stored = await askStore`,
      },
    ],
  },
  {
    name: 'a token whose creation was not confirmed is used',
    scenarios: ['tokens whose creation comes late'],
    edits: [
      {
        file: 'fillField.ts',
        search: 'await store.createTokens(missing, lease)',
        replace: 'await store.createTokens(missing, lease).catch(() => ({ created: true, leased: true }))',
      },
    ],
  },
  {
    name: 'a token that somebody else created first is used as drawn',
    scenarios: ['cold readers'],
    edits: [
      {
        file: 'fillField.ts',
        search: 'return created ? { tokens',
        replace: 'return created !== undefined ? { tokens',
      },
    ],
  },
  {
    name: 'a force uses a token whose creation was not confirmed',
    scenarios: ['tokens that a force creates late'],
    edits: [
      {
        file: 'refreshCache.ts',
        search: '(await store.createTokens(missing)).created ? tokens : null',
        replace:
          '(await store.createTokens(missing).catch(() => ({ created: true }))).created ? tokens : null',
      },
    ],
  },
  {
    name: 'missing tokens are created over those that somebody else created first',
    scenarios: ['tokens created while others change them'],
    edits: [
      {
        file: 'engine/fieldStore.ts',
        search: "['MSETNX', ...tokens.flat()]",
        replace: "['MSET', ...tokens.flat()]",
      },
      {
        file: 'engine/fieldStore.ts',
        search: 'created: created === 1',
        replace: "created: created === 'OK'",
      },
    ],
  },
  {
    name: 'fields share one own token',
    scenarios: ['fields read and tags invalidated in turns'],
    edits: [{ file: 'engine/tokens.ts', search: '`key:${key}`', replace: '`key:${typeof key}`' }],
  },
  {
    name: 'tags guard nothing',
    scenarios: ['fields read and tags invalidated in turns'],
    edits: [
      {
        file: 'engine/tokens.ts',
        search: '...[...new Set(tags)].sort().map(tagGuard)]',
        replace: '...tags.slice(tags.length).map(tagGuard)]',
      },
    ],
  },
  {
    name: 'an invalidation is sent again with the same tokens',
    scenarios: ['an invalidation that is done later than its successor'],
    edits: [
      {
        file: 'invalidate.ts',
        search: `    const write = () =>
      store.writeTokens(
        guards.map((guard) => [store.names.guard(guard), runtime.ports.uniqueToken()] as const),
      )`,
        replace: `    const drawn = guards.map((guard) => [store.names.guard(guard), runtime.ports.uniqueToken()] as const)
    const write = () => store.writeTokens(drawn)`,
      },
    ],
  },
  {
    name: 'an invalidation that was not recorded is reported as done',
    scenarios: ['a Redis that hardly answers'],
    edits: [
      {
        file: 'invalidate.ts',
        search: "throw codedError('INVALIDATION_FAILED'",
        replace: "if (runtime) return\n    throw codedError('INVALIDATION_FAILED'",
      },
    ],
  },
  {
    name: 'the transport sends a token write again',
    edits: [
      {
        file: 'engine/transport.ts',
        search: "'ping get mget exists",
        replace: "'mset msetnx ping get mget exists",
      },
    ],
    test: 'tests/cache/transport.test.ts',
  },
]
