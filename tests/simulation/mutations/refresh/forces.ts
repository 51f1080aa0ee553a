/** Forced refreshes: nothing older afterwards, and never less than before. */
import type { Mutation } from '../../mutation'

const COLLECT = `    const entryTokens = await collectEntryTokens(slot, { ...captured, dependencies: fetched.dependencies })
`
const COMMIT = 'await commit(slot, fetched.entry, { entryTokens, newOwn, purge, forcedBy })'

export const forceMutations: readonly Mutation[] = [
  {
    name: 'a force compares with the tokens of after its fetch',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: "  const { [ownName]: capturedOwn = '', ...others } = entryTokens.tokens\n",
        replace: `  const guards = Object.keys(entryTokens.tokens)
  const late = await store.read(guards.map(store.names.guard))
  const { [ownName]: capturedOwn = '', ...others } = Object.fromEntries(
    guards.map((guard) => [guard, late.get(store.names.guard(guard)) ?? '']),
  )
`,
      },
    ],
  },
  {
    name: 'a force compares with the tokens after its fetch, so it stores over an invalidation',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: COLLECT,
        replace: `    const late = await capture(slot)
    const entryTokens = await collectEntryTokens(slot, { ...(late ?? captured), dependencies: fetched.dependencies })
`,
      },
    ],
  },
  {
    name: 'a force writes its entry without an own token of its own',
    scenarios: ['forces that overlap, and an invalidation'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: COMMIT,
        replace: `await encodeForField(runtime, config, { ...fetched.entry, ...entryTokens })
          .then((text) => slot.store.write(slot.entry, text as string, slot.lifetimeSeconds(fetched.entry)))
          .then(() => ({ kind: 'stored', entry: purge ? fetched.entry : fetched.entry }))`,
      },
    ],
  },
  {
    name: 'a force draws no new own token',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: 'const newOwn = uniqueToken()',
        replace: 'const newOwn = tokens[0] as Token',
      },
    ],
  },
  {
    name: 'a force joins one that has begun',
    scenarios: ['forces that overlap, and an invalidation'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: "runtime.singleFlight.queue(queueName(config), sharedBy, work, reason === 'force')",
        replace: 'runtime.singleFlight.run(queueName(config), work)',
      },
    ],
  },
  {
    name: 'a force answers that it is done though its compare failed',
    scenarios: ['forces that overlap, and an invalidation'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: "if (outcome.kind === 'contended') {\n",
        replace:
          "if (outcome.kind === 'contended') {\n      if (runtime) return { ...fetched, stored: true }\n",
      },
    ],
  },
  {
    name: 'a force whose commit had no answer counts as stored',
    scenarios: ['requests and answers lost or late, and clocks minutes apart'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: 'retryCommit(write, entry)',
        replace: "{ kind: 'stored', entry }",
      },
    ],
  },
  {
    name: 'a force that Redis did not take counts as stored',
    scenarios: ['requests and answers lost or late, and clocks minutes apart'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: 'return { ...fetched, stored: false }',
        replace: 'return { ...fetched, stored: true }',
      },
    ],
  },
  {
    name: 'a force that fails deletes what was there',
    scenarios: ['a source that fails'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search:
          'const fetched = await fetchEntry(context, { reason, replaces: lookup, captured: progressTokens })',
        replace: `const fetched = await fetchEntry(context, { reason }).catch(async (error: unknown) => {
      await slot.store.remove(slot.entry)
      throw error
    })`,
      },
    ],
  },
  {
    name: 'a force deletes what is there before it fetches',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: '    const newOwn = uniqueToken()\n',
        replace: `    await slot.store.remove(slot.entry)
    const newOwn = uniqueToken()
`,
      },
    ],
  },
  {
    name: 'a force draws its own token before it fetches',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search:
          '    const fetched = await fetchEntry(context, { reason, replaces: lookup, captured: progressTokens })\n',
        replace: `    await slot.store.writeTokens([tokenWrite(slot, ownGuard(config.key), newOwn)])
    const fetched = await fetchEntry(context, { reason, replaces: lookup, captured: progressTokens })
`,
      },
    ],
  },
  {
    name: 'the script of a force compares nothing',
    edits: [
      {
        file: 'core-services/cache/fields/store/scripts/writeForced.ts',
        search: 'if current[i] ~= ARGV[i + 4] then return 0 end',
        replace: 'if current[i] == ARGV[3] then return 0 end',
      },
    ],
    test: 'tests/cache/fields/read/freshness.test.ts',
  },
  {
    name: 'the script of a force does not know its own work again',
    edits: [
      {
        file: 'core-services/cache/fields/store/scripts/writeForced.ts',
        search: 'if current[1] == ARGV[3] then return 1 end\n',
        replace: '',
      },
    ],
    test: 'tests/testing/memoryRedis.test.ts',
  },
  {
    name: 'the script of a force leaves the own token',
    edits: [
      {
        file: 'core-services/cache/fields/store/scripts/writeForced.ts',
        search:
          "if ARGV[4] == '' then redis.call('SET', KEYS[2], ARGV[3]) else redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4]) end\n",
        replace: '',
      },
    ],
    test: 'tests/testing/memoryRedis.test.ts',
  },
  {
    name: 'a force shares its turn with one of the same fetcher, whatever else that one asks for',
    scenarios: ['forces with different options that wait for one another'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: "const sharedBy = shareKey(config, purge, reason === 'change')",
        replace: 'const sharedBy = shareKey(config.fetcher)',
      },
    ],
  },
  {
    name: 'a force is served by what the cron has brought',
    scenarios: ['forces with different options that wait for one another'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: "sharedBy, work, reason === 'force')",
        replace: 'sharedBy, work)',
      },
    ],
  },
  {
    name: 'a force takes what another one had begun to fetch before',
    scenarios: ['forces of several processes at once'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceContention.ts',
        search: 'forced.upon !== first && ',
        replace: '',
      },
    ],
  },
  {
    name: 'a force takes what another one has brought for another ttl',
    scenarios: ['forces with different options that wait for one another'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceContention.ts',
        search: 'return forced?.by === mark && ',
        replace: 'return forced !== undefined && mark.length > 0 && ',
      },
    ],
  },
  {
    name: 'a force that loses against others is refused like one that is disturbed',
    test: 'tests/cache/fields/refresh/contendedForces.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceContention.ts',
        search: 'if (!wasForced) disturbed += 1',
        replace: 'disturbed += wasForced ? 1 : 1',
      },
    ],
  },
  {
    name: 'a force takes what stood before it was asked for',
    test: 'tests/cache/fields/refresh/contendedForces.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceContention.ts',
        search: ' && ownToken(entry, field) !== first\n',
        replace: '\n',
      },
    ],
  },
]
