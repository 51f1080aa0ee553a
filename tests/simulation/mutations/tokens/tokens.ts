/** Tokens: what makes an entry valid, and how new ones come about. */
import type { Mutation } from '../../mutation'

const HOLD = 'return now !== null && Object.hasOwn(stored, guard) && stored[guard] === now'

export const tokenMutations: readonly Mutation[] = [
  {
    name: 'tokens are not compared',
    edits: [
      { file: 'core-services/cache/entry/versionTokens.ts', search: HOLD, replace: 'return now !== null' },
    ],
  },
  {
    name: 'a missing token counts as equal',
    edits: [
      {
        file: 'core-services/cache/entry/versionTokens.ts',
        search: HOLD,
        replace: 'return now === null || stored[guard] === now',
      },
    ],
  },
  {
    name: 'tokens are captured after the fetch',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'await collectEntryTokens(slot, { lookup, tokens, dependencies })',
        replace: `await collectEntryTokens(slot, { lookup, dependencies, tokens: await slot.store
      .read(lookup.guards.map(slot.store.names.guard))
      .then((now) => lookup.guards.map((guard) => now.get(slot.store.names.guard(guard)) ?? '')) })`,
      },
    ],
  },
  {
    name: 'a token whose creation was not confirmed is used',
    scenarios: ['tokens whose creation comes late'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'await slot.store.createTokens(missing, lease)',
        replace:
          'await slot.store.createTokens(missing, lease).catch(() => ({ created: true, leased: true }))',
      },
    ],
  },
  {
    name: 'a token that another process created first is used as drawn',
    scenarios: ['cold readers'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'if (!created) return null\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a force uses a token whose creation was not confirmed',
    scenarios: ['tokens that a force creates late'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: '(await slot.store.createTokens(missing)).created',
        replace: '(await slot.store.createTokens(missing).catch(() => ({ created: true }))).created',
      },
    ],
  },
  {
    name: 'missing tokens overwrite those that another process created first',
    scenarios: ['tokens created while others change them'],
    edits: [
      {
        file: 'core-services/cache/fields/store/fieldStore.ts',
        search: "        ...together('MSETNX', tokens),\n",
        replace: "        ...together('MSET', tokens),\n",
      },
    ],
  },
  {
    name: 'fields share one own token',
    scenarios: ['fields read and tags invalidated in turns'],
    edits: [
      {
        file: 'core-services/cache/entry/versionTokens.ts',
        search: '`key:${key}`',
        replace: '`key:${typeof key}`',
      },
    ],
  },
  {
    name: 'tags guard nothing',
    scenarios: ['fields read and tags invalidated in turns'],
    edits: [
      {
        file: 'core-services/cache/entry/versionTokens.ts',
        search: '...tagGuards(tags)]',
        replace: '...tagGuards(tags.slice(tags.length))]',
      },
    ],
  },
  {
    name: 'an invalidation is sent again with the same tokens',
    scenarios: ['an invalidation that is done later than its successor'],
    edits: [
      {
        file: 'core-services/cache/invalidate.ts',
        search:
          'store.writeTokens([...guards, COARSE_GUARD].map((guard) => newToken(runtime, store, guard)))',
        replace: `{
      drawn ??= [...guards, COARSE_GUARD].map((guard) => newToken(runtime, store, guard))
      return store.writeTokens(drawn)
    }`,
      },
      {
        file: 'core-services/cache/invalidate.ts',
        search: '  const guards = tagGuards(tags)\n',
        replace: '  const guards = tagGuards(tags)\n  let drawn: ReturnType<typeof newToken>[] | undefined\n',
      },
    ],
  },
  {
    name: 'an invalidation that was not recorded is reported as done',
    scenarios: ['a Redis that hardly answers'],
    edits: [
      {
        file: 'core-services/cache/invalidate.ts',
        search: "throw codedError('INVALIDATION_FAILED'",
        replace: "if (runtime) return\n    throw codedError('INVALIDATION_FAILED'",
      },
    ],
  },
  {
    name: 'the transport sends a token write again',
    edits: [
      {
        file: 'core-services/cache/redis/transport/transport.ts',
        search: "'ping get getrange mget exists",
        replace: "'mset msetnx ping get getrange mget exists",
      },
    ],
    test: 'tests/cache/redis/transport.test.ts',
  },
]
