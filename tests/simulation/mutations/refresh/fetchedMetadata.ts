/** What options, fetchers and values bring: checked where it enters, bounded where it is used. */
import type { Mutation } from '../../mutation'

const LIMITS = 'tests/shared/durations.test.ts'
const METADATA = 'tests/cache/fields/refresh/fetchedMetadata.test.ts'
const NAMES = 'tests/cache/fields/unusableNames.test.ts'

export const fetchedMetadataMutations: readonly Mutation[] = [
  {
    name: 'a field is read with whatever options it has',
    test: LIMITS,
    edits: [
      {
        file: 'core-services/cache/fieldCacheService.ts',
        search: '    assertOptions(config)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a field is forced with whatever options it has',
    test: 'tests/cache/fields/nonsenseOptions.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: '  assertOptions(config)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a lease gets a deadline as it was given',
    test: LIMITS,
    edits: [
      {
        file: 'core-services/cache/fields/fieldContext.ts',
        search: 'return refreshDeadline(advanced?.timeoutMs ?? runtime.refreshTimeoutMs)',
        replace: 'return (advanced?.timeoutMs ?? runtime.refreshTimeoutMs)',
      },
    ],
  },
  {
    name: 'a timer is given more than it takes',
    test: LIMITS,
    edits: [
      {
        file: 'shared/durations.ts',
        search: 'Math.min(milliseconds, LONGEST_TIMER_MS)',
        replace: 'milliseconds',
      },
    ],
  },
  {
    name: 'a cool-down is as long as the source says, whatever it says',
    test: METADATA,
    edits: [{ file: 'shared/errors.ts', search: 'toRetrySeconds(retryAfter)', replace: 'retryAfter' }],
  },
  {
    name: 'tags that a value tells are not looked at',
    test: METADATA,
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchedMetadata.ts',
        search: 'const problem = tagProblem(tag)',
        replace: 'const problem = undefined',
      },
    ],
  },
  {
    name: 'times that a fetch tells are not looked at',
    test: METADATA,
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchedMetadata.ts',
        search: 'const problem = time === Number',
        replace: 'const problem = time !== Number',
      },
    ],
  },
  {
    name: 'keys may hold half of a character',
    test: NAMES,
    edits: [
      {
        file: 'core-services/cache/redis/commands/keySpace.ts',
        search: 'return HALF_A_CHARACTER.test(text)',
        replace: 'return text === HALF_A_CHARACTER.source',
      },
    ],
  },
  {
    name: 'keys may be invisible',
    test: NAMES,
    edits: [
      {
        file: 'core-services/cache/redis/commands/keySpace.ts',
        search: 'NOTHING_TO_SEE.test(key)',
        replace: "key === ''",
      },
    ],
  },
  {
    name: 'what an entry depends on is asked for, whatever its name is',
    test: NAMES,
    edits: [
      {
        file: 'core-services/cache/entry/entry.ts',
        search: "typeof token === 'string' && keyProblem(guard) === undefined",
        replace: "typeof token === 'string'",
      },
    ],
  },
  {
    name: 'half of a character is shown',
    test: 'tests/shared/text.test.ts',
    edits: [
      { file: 'shared/text.ts', search: "whole.replace(/\\p{Surrogate}/gu, '\\ufffd')", replace: 'whole' },
    ],
  },
]
