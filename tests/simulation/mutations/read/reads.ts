/** Reads: what is shared, and what may be served. */
import type { Mutation } from '../../mutation'

export const readMutations: readonly Mutation[] = [
  {
    name: 'a reader joins an MGET that was sent already',
    scenarios: ['readers before and after an invalidation'],
    edits: [
      {
        file: 'core-services/cache/redis/batchedReads.ts',
        search: '  return createBatching(readBatch, [{ most: REPLY_LIMIT, measure: measureNames }])\n',
        replace: `  const begin = createBatching(readBatch, [{ most: REPLY_LIMIT, measure: measureNames }])
  const sent = new Map<string, Promise<Snapshot>>()
  return (names) => {
    const running = sent.get(names.join()) ?? begin(names).finally(() => sent.delete(names.join()))
    sent.set(names.join(), running)
    return running
  }
`,
      },
    ],
  },
  {
    name: 'a flight is named by its key alone',
    scenarios: ['readers before and after an invalidation'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: '`fetch ${flight.name}`',
        replace: '`fetch ${slot.name}`',
      },
    ],
  },
  {
    name: 'flights and leases are named by the own token alone',
    scenarios: ['readers before and after an invalidation'],
    edits: [
      {
        file: 'core-services/cache/fields/lookup.ts',
        search: "${tokens.join('.')}.",
        replace: '${tokens[0]}.',
      },
    ],
  },
  {
    name: 'flights and leases are not named by the entry that they replace',
    scenarios: ['a value that goes stale'],
    edits: [
      {
        file: 'core-services/cache/fields/lookup.ts',
        search: ".${current?.revision ?? '-'}${",
        replace: ".${current ? '-' : '-'}${",
      },
    ],
  },
  {
    name: 'readers that found no token share a flight until its fetch has ended',
    scenarios: ['tokens that are missing, created, changed, and missing again'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: `    const created = await singleFlight.run(creation, () => createTokens(miss))
    return created ? runFlight(miss, created.tokens, created.lease) : SUPERSEDED
  }
`,
        replace: `    return singleFlight.run(\`missing \${creation}\`, async () => {
      const created = await createTokens(miss)
      return created ? runFlight(miss, created.tokens, created.lease) : SUPERSEDED
    })
  }
`,
      },
    ],
  },
  {
    name: 'an invalidated value is served while it is refreshed',
    edits: [
      {
        file: 'core-services/cache/fields/lookup.ts',
        search: 'valid: stored && isEntryCurrent(stored, readerGuards, token) ? stored : null',
        replace:
          'valid: stored && !isEntryCurrent(stored, readerGuards, token) ? { ...stored, fetchedAt: stored.fetchedAt - 2_000 } : stored',
      },
    ],
  },
  {
    name: 'a reader of a field without memory joins a fetch that has begun without Redis',
    scenarios: ['a process that cannot reach Redis, and another one that invalidates'],
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'runtime.singleFlight.queue(`uncached ${field.config.key}`, key, () =>',
        replace: 'runtime.singleFlight.run(`uncached ${field.config.key} ${key}`, () =>',
      },
    ],
  },
  {
    name: 'age is counted from the end of the fetch',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchEntry.ts',
        search: 'body: encodeBody(value), fetchedAt, revision',
        replace: 'body: encodeBody(value), fetchedAt: Math.max(fetchedAt, clock.now()), revision',
      },
    ],
  },
  {
    name: 'stale-if-error knows no bound',
    scenarios: ['a source that fails'],
    edits: [
      {
        file: 'core-services/cache/entry/freshness.ts',
        search: "age < ttl + stale + (windows.staleIfError ?? 0) ? 'degraded'",
        replace: "age > 0 ? 'degraded'",
      },
      {
        file: 'core-services/cache/entry/freshness.ts',
        search: 'Math.min(ttl + staleWhileRevalidate',
        replace: 'Math.min(60 + ttl + staleWhileRevalidate',
      },
    ],
  },
  {
    name: 'a reader fails when Redis does',
    scenarios: ['a Redis that hardly answers'],
    edits: [
      {
        file: 'core-services/cache/fields/read/readField.ts',
        search: "return readWithoutRedis(field, reportRedisFailure(runtime, 'read', error))",
        replace: 'if (runtime) throw error',
      },
    ],
  },
  {
    name: 'what another caller has fetched is taken for what this one would have',
    test: 'tests/cache/fields/sharedWork.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/read/readField.ts',
        search: 'outcome.fetchedWith === config\n',
        replace: 'outcome.fetchedWith\n',
      },
    ],
  },
]
