/** Reads while Redis is slow or is not there. */
import type { Mutation } from '../../mutation'

const OUTAGES = 'tests/cache/fields/read/outages.test.ts'
const SLOW_REDIS = 'tests/cache/fields/read/slowRedis.test.ts'

export const outageMutations: readonly Mutation[] = [
  {
    name: 'each attempt of a flight asks for its lease under a holder of its own',
    scenarios: ['a Redis that is slow, not down', 'everything at once'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: 'if (before && isUsable(slot, before, milliseconds)) {',
        replace: 'if (before && milliseconds < 0) {',
      },
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: 'holder, replaces: before ? holdersBefore(before) : [] }',
        replace: 'holder, replaces: [] }',
      },
    ],
  },
  {
    name: 'only the last holder of a lease is known to be of this process',
    test: 'tests/cache/fields/refresh/leases.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: '[...replaces, holder].slice(-HOLDERS_REMEMBERED)',
        replace: '[holder].slice(-replaces.length - 1)',
      },
    ],
  },
  {
    name: 'only the last four leases of a field are remembered',
    test: 'tests/cache/fields/refresh/leases.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: 'const REMEMBERED = 16',
        replace: 'const REMEMBERED = 4',
      },
    ],
  },
  {
    name: 'a lease of our own that is over is waited for',
    scenarios: ['a Redis that is slow, not down', 'everything at once'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: "? 'over' : 'others'",
        replace: "? 'others' : 'others'",
      },
    ],
  },
  {
    name: 'memory answers as a hit while Redis is not there',
    scenarios: ['a process with memory that cannot reach Redis, and another one that invalidates'],
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: "return field.answer(opened, 'degraded', AT_ONCE)\n}\n\n/**\n * `why`",
        replace: "return field.answer(opened, 'hit', AT_ONCE)\n}\n\n/**\n * `why`",
      },
    ],
  },
  {
    name: 'a reader that joins a fetch without Redis is answered as a miss',
    scenarios: ['a process with memory that cannot reach Redis, and another one that invalidates'],
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: "isOwn ? 'miss' : 'degraded'",
        replace: "isOwn ? 'miss' : 'miss'",
      },
    ],
  },
  {
    name: 'each reader that joins an overtaken fetch without Redis fetches for itself',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'const isOwn = fetched.began.monotonic > askedAt',
        replace: 'const isOwn = fetched.began.monotonic < 0',
      },
    ],
  },
  {
    name: 'a reader waits for no answer of Redis though its schema refuses the copy',
    test: 'tests/cache/fields/memory/refusedCopies.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/read/readField.ts',
        search: "answer ? { kind: 'answered', answer } : { kind: 'found', lookup: await ask() }",
        replace: "{ kind: 'answered', answer: answer as FieldAnswer<T> }",
      },
    ],
  },
  {
    name: 'readers of different shapes overwrite what the other one has fetched without Redis',
    test: 'tests/cache/fields/memory/refusedCopies.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'if (config.schema) field.keep',
        replace: 'if (!config) field.keep',
      },
    ],
  },
  {
    name: 'a copy that a reader refuses hides the older one that it takes',
    test: 'tests/cache/fields/memory/refusedCopies.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'for (const { entry } of candidates) {',
        replace: 'for (const { entry } of candidates.slice(0, 1)) {',
      },
    ],
  },
  {
    name: 'a reader that joins a fetch without Redis takes its value, however old it is',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: "return field.freshness(entry) !== 'expired'",
        replace: 'return true',
      },
    ],
  },
  {
    name: 'memory answers without limit while Redis is not there',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'OUTAGE_MS = 30_000',
        replace: 'OUTAGE_MS = 1e12',
      },
    ],
  },
  {
    name: 'a field without memory is answered from it while Redis is not there',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: '  if (field.config.memoryTtl === 0) return []\n',
        replace: '',
      },
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: '  if (config.memoryTtl === 0) return\n',
        replace: '',
      },
    ],
  },
  {
    name: 'what was fetched without Redis outlives its answers',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'refused || !reachability.answeredSince(provenAt.monotonic)',
        replace: 'refused || !reachability.answeredSince(provenAt.monotonic + 1e12)',
      },
    ],
  },
  {
    name: 'a fetch without Redis answers reads after an invalidation of its process',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'if (field.runtime.memoryCache.overtaken(tokens, began.monotonic)) return false',
        replace: '',
      },
    ],
  },
  {
    name: 'a process that only reads never finds out that Redis takes writes again',
    test: 'tests/metrics/refusedWrites.test.ts',
    edits: [
      {
        file: 'core-services/cache/cacheService.ts',
        search: 'writes.checked(() => this.probeWrites())',
        replace: 'writes.checked(async () => undefined)',
      },
    ],
  },
  {
    name: 'each look at the health of Redis tries a write of its own',
    test: 'tests/metrics/refusedWrites.test.ts',
    edits: [
      {
        file: 'core-services/cache/redis/transport/writeHealth.ts',
        search: 'now - Math.max(refused.lastAt, triedAt) < TELLS_MS',
        replace: 'now < 0',
      },
    ],
  },
  {
    name: 'what ends sooner takes the place of a long cool-down',
    test: 'tests/cache/fields/refresh/longCoolDowns.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/coolDown.ts',
        search: 'leftMs(ports, before) > next.milliseconds ? before : next',
        replace: 'leftMs(ports, before) < 0 ? before : next',
      },
    ],
  },
  {
    name: 'another flight ends the cool-down of a source without Redis',
    test: 'tests/cache/fields/refresh/longCoolDowns.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/coolDown.ts',
        search: 'if (code !== null) hints.failed =',
        replace: 'hints.failed = code === null ? undefined :',
      },
    ],
  },
  {
    name: 'a source that has answered is still left alone',
    test: 'tests/cache/fields/refresh/longCoolDowns.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchEntry.ts',
        search: '    endCoolDown(context)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a source that fails without Redis is asked by each read',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'leaveAlone(field, UNCACHED, coolDownAfter(error))',
        replace: "if (error.message === '') throw error",
      },
    ],
  },
  {
    name: 'each reader waits for a Redis that was silent',
    test: SLOW_REDIS,
    edits: [
      {
        file: 'core-services/cache/redis/transport/reachability.ts',
        search: '      if (silent) return 0\n',
        replace: '',
      },
    ],
  },
  {
    name: 'each reader waits for a Redis that refuses everything',
    test: SLOW_REDIS,
    edits: [
      {
        file: 'core-services/cache/redis/transport/reachability.ts',
        search: 'isUnanswered(error) || hasCode(error, ...REFUSED_ALL)',
        replace: 'isUnanswered(error)',
      },
    ],
  },
  {
    name: 'the first reader after a pause waits no longer than others',
    test: SLOW_REDIS,
    edits: [
      {
        file: 'core-services/cache/redis/transport/reachability.ts',
        search: 'return isIdle() ? hardMs : softMs',
        replace: 'return isIdle() ? softMs : softMs',
      },
    ],
  },
  {
    name: 'a Redis that refuses leases has its tokens read for nothing',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'if (isUnanswered(refusal)) throw refusal',
        replace: 'throw refusal',
      },
    ],
  },
  {
    name: 'probes of a circuit wait for the end of an answer that goes on',
    test: 'tests/cache/redis/circuitBreaker.test.ts',
    edits: [
      {
        file: 'core-services/cache/redis/transport/circuitBreaker.ts',
        search: 'const probing = probeAll(probingSince)\n    defer(() => probing)',
        replace: 'defer(() => probeAll(probingSince))',
      },
    ],
  },
  {
    name: 'probes that never end keep a circuit half open',
    test: 'tests/cache/redis/circuitBreaker.test.ts',
    edits: [
      {
        file: 'core-services/cache/redis/transport/circuitBreaker.ts',
        search: "const since = state === 'half-open' ? probingSince : openedAt",
        replace: "const since = state === 'half-open' ? Number.POSITIVE_INFINITY : openedAt",
      },
    ],
  },
  {
    name: 'each lateness of a busy process is given back',
    test: 'tests/shared/deadline.test.ts',
    edits: [{ file: 'shared/deadline.ts', search: '    wasForgiven = true\n', replace: '' }],
  },
  {
    name: 'a large answer has no more time than others',
    test: 'tests/cache/redis/largeAnswers.test.ts',
    edits: [{ file: 'shared/deadline.ts', search: 'if (more <= 0) return\n', replace: 'return\n' }],
  },
  {
    name: 'reads that are refused together are all asked again at once',
    test: 'tests/cache/redis/batchedReads.test.ts',
    edits: [
      {
        file: 'core-services/cache/redis/batchedReads.ts',
        search: 'await readBatch(batch.slice(0, half))\n        await readBatch(batch.slice(half))',
        replace: 'await Promise.all(batch.map((one) => readBatch([one])))',
      },
    ],
  },
]
