/** Forced refreshes: nothing older afterwards, and never less than before. */
import type { Mutation } from './mutation'

const COMMIT = 'const stored = await commit(runtime, store, field, { guards, captured, own, text, purge })'

export const forceMutations: readonly Mutation[] = [
  {
    name: 'a force compares with the tokens of after its fetch',
    edits: [
      {
        file: 'refreshCache.ts',
        search: COMMIT,
        replace: `const late = (await captureTokens(runtime, store, guards)) ?? captured
    const stored = await commit(runtime, store, field, { guards, captured: late, own, text, purge })`,
      },
    ],
  },
  {
    name: 'a force that compares with what stands after its fetch stores that as well',
    edits: [
      {
        file: 'refreshCache.ts',
        search: '    const text = encodeEntry(fetched.entry)\n',
        replace: `    const late = (await captureTokens(runtime, store, guards)) ?? captured
    const text = encodeEntry({ ...fetched.entry, tokens: { ...tokenMap(guards, late), [ownGuard(field.key)]: own } })
`,
      },
      {
        file: 'refreshCache.ts',
        search: '{ guards, captured, own, text, purge })\n',
        replace: '{ guards, captured: late, own, text, purge })\n',
      },
    ],
  },
  {
    name: 'a force writes its entry without an own token of its own',
    scenarios: ['forces that overlap, and an invalidation'],
    edits: [
      {
        file: 'refreshCache.ts',
        search: COMMIT,
        replace: `const entry = encodeEntry({ ...fetched.entry, tokens: tokenMap(guards, captured) })
    await store.write(store.names.entry(field.key), entry, lifetimeOf(field))
    const stored = purge || true`,
      },
    ],
  },
  {
    name: 'a force draws no new own token',
    edits: [
      {
        file: 'refreshCache.ts',
        search: 'const own = runtime.ports.uniqueToken()',
        replace: 'const own = captured[0] as Token',
      },
    ],
  },
  {
    name: 'a force joins one that has begun',
    scenarios: ['forces that overlap, and an invalidation'],
    edits: [
      {
        file: 'refreshCache.ts',
        search: 'runtime.flights.queue(`force ${field.key}`, field.fetcher, async () => {',
        replace: 'runtime.flights.join(`force ${field.key}`, async () => {',
      },
    ],
  },
  {
    name: 'a force answers that it is done though its compare failed',
    scenarios: ['forces that overlap, and an invalidation'],
    edits: [
      {
        file: 'refreshCache.ts',
        search: "if (stored === 'contended') continue",
        replace: "if (stored === 'contended') return { ...fetched, stored: true }",
      },
    ],
  },
  {
    name: 'a force whose commit had no answer counts as stored',
    scenarios: ['requests and answers lost or late, and clocks minutes apart'],
    edits: [
      {
        file: 'refreshCache.ts',
        search: 'return refused ? false : retried(write)',
        replace: 'return refused ? false : Boolean(retried)',
      },
    ],
  },
  {
    name: 'a force that Redis did not take counts as stored',
    scenarios: ['requests and answers lost or late, and clocks minutes apart'],
    edits: [
      {
        file: 'refreshCache.ts',
        search: 'reason, {})), stored: false }',
        replace: 'reason, {})), stored: true }',
      },
    ],
  },
  {
    name: 'a force that fails deletes what was there',
    scenarios: ['a source that fails'],
    edits: [
      {
        file: 'refreshCache.ts',
        search: 'const fetched = await fetchEntry(runtime, field, reason, tokens)',
        replace: `const fetched = await fetchEntry(runtime, field, reason, tokens).catch(async (error: unknown) => {
      await store.remove(store.names.entry(field.key))
      throw error
    })`,
      },
    ],
  },
  {
    name: 'a force deletes what is there before it fetches',
    edits: [
      {
        file: 'refreshCache.ts',
        search: '    const own = runtime.ports.uniqueToken()\n',
        replace: `    await store.remove(store.names.entry(field.key))
    const own = runtime.ports.uniqueToken()
`,
      },
    ],
  },
  {
    name: 'a force draws its own token before it fetches',
    edits: [
      {
        file: 'refreshCache.ts',
        search: '    const fetched = await fetchEntry(runtime, field, reason, tokens)\n',
        replace: `    const name = store.names.guard(ownGuard(field.key))
    await store.writeTokens([[name, own]])
    const fetched = await fetchEntry(runtime, field, reason, tokens)
`,
      },
    ],
  },
  {
    name: 'the script of a force compares nothing',
    edits: [
      {
        file: 'engine/fieldStore.ts',
        search: 'if current[i] ~= ARGV[i + 3] then return 0 end',
        replace: 'if current[i] == ARGV[3] then return 0 end',
      },
    ],
    test: 'tests/cache/freshness.test.ts',
  },
  {
    name: 'the script of a force does not know its own work again',
    edits: [
      { file: 'engine/fieldStore.ts', search: 'if current[1] == ARGV[3] then return 1 end\n', replace: '' },
    ],
    test: 'tests/simulation/simRedis.test.ts',
  },
  {
    name: 'the script of a force leaves the own token',
    edits: [{ file: 'engine/fieldStore.ts', search: "redis.call('SET', KEYS[2], ARGV[3])\n", replace: '' }],
    test: 'tests/simulation/simRedis.test.ts',
  },
]
