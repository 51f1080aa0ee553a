/** Reads and health while Redis answers and refuses. */
import type { Mutation } from '../../mutation'

const OUTAGES = 'tests/cache/fields/read/outages.test.ts'
const REFUSALS = 'tests/cache/redis/refusals.test.ts'

export const refusalMutations: readonly Mutation[] = [
  {
    name: 'what is fetched while Redis takes no writes has no tokens, though some stand',
    test: OUTAGES,
    edits: [
      {
        file: 'core-services/cache/fields/read/withoutRedis.ts',
        search: 'memoryCache.tokenReadBy(guard, began.monotonic) ?? UNKNOWN,',
        replace: 'memoryCache.tokenReadBy(guard, Number.NEGATIVE_INFINITY) ?? UNKNOWN,',
      },
    ],
  },
  {
    name: 'what is fetched while Redis takes no writes has tokens that were read after it began',
    test: 'tests/cache/fields/memory/memoryCache.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/memory/knownTokens.ts',
        search: 'return last && last.at <= at ? last.token : undefined',
        replace: 'return last && at <= Number.POSITIVE_INFINITY ? last.token : undefined',
      },
    ],
  },
  {
    name: 'a Redis that refuses every entry of a pipeline counts as one that answers',
    test: REFUSALS,
    edits: [
      {
        file: 'core-services/cache/redis/transport/replies.ts',
        search: 'errors.length > 0 && errors.every(',
        replace: 'errors.length < 0 && errors.every(',
      },
    ],
  },
  {
    name: 'writes that are refused in a pipeline are forgotten',
    test: REFUSALS,
    edits: [
      {
        file: 'core-services/cache/redis/transport/transport.ts',
        search: 'writes.record(command, error)\n      if (hasCode',
        replace: 'if (hasCode',
      },
    ],
  },
  {
    name: 'a read or a delete that is done counts as a write that was taken',
    test: REFUSALS,
    edits: [
      {
        file: 'core-services/cache/redis/transport/writeHealth.ts',
        search: 'error === null && PROOFS.has(command.toLowerCase())',
        replace: 'error === null && PROOFS.size > 0',
      },
    ],
  },
  {
    name: 'a Redis that is full is left alone for its reads, too',
    test: REFUSALS,
    edits: [
      {
        file: 'core-services/cache/redis/transport/transport.ts',
        search: "const ANSWERS = ['REDIS_COMMAND_FAILED', 'REDIS_TOO_LARGE', ...REFUSED_WRITES]",
        replace: "const ANSWERS = ['REDIS_COMMAND_FAILED', 'REDIS_TOO_LARGE']",
      },
    ],
  },
]
