/** Forces of one key that ask for different things share none of what differs. */
import type { Edit, Mutation } from '../../mutation'

const TOGETHER = 'forces with different options that wait for one another'
const MIXED = [
  'forces with different options, and a calm network',
  'forces with different options, and everything at once',
]
const PURGES = 'forces that purge and forces that do not, and a Redis that refuses to store'
const IN_PARTS = 'forces with different options in parts, minutes apart'

const unshared = (option: string): Edit => ({
  file: 'core-services/cache/fields/shareKey.ts',
  search: "  'anonymousForce',\n",
  replace: `  'anonymousForce',\n  '${option}',\n`,
})
const SHARED_BY = "shareKey(config, purge, reason === 'change')"

export const forceApartMutations: readonly Mutation[] = [
  {
    name: 'forces of different ttls share a fetch',
    scenarios: [TOGETHER, ...MIXED],
    edits: [unshared('ttl')],
  },
  {
    name: 'forces of different fetchers share a fetch',
    scenarios: [TOGETHER, ...MIXED],
    edits: [unshared('fetcher')],
  },
  {
    name: 'forces of different deadlines share a fetch',
    scenarios: [TOGETHER, ...MIXED],
    edits: [unshared('advanced')],
  },
  {
    name: 'a force that purges shares a fetch with one that does not',
    scenarios: [PURGES],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: SHARED_BY,
        replace: "shareKey(config, reason === 'change')",
      },
    ],
  },
  {
    name: 'the cron shares a fetch of the changes alone',
    scenarios: [TOGETHER, ...MIXED],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: SHARED_BY,
        replace: 'shareKey(config, purge)',
      },
    ],
  },
  {
    name: 'a force of a user takes what the cron of another instance has brought',
    scenarios: [TOGETHER, ...MIXED],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: "reason === 'force' ? contention.mark : ''",
        replace: "reason ? contention.mark : ''",
      },
    ],
  },
  {
    name: 'a force without the token is fetched like one with it',
    scenarios: MIXED,
    edits: [
      {
        file: 'core-services/cache/fields/read/readField.ts',
        search: 'return { ...config, fetcher }',
        replace: 'return config',
      },
    ],
  },
  {
    name: 'a force without the token shares a fetch with one that has it',
    scenarios: [TOGETHER, ...MIXED],
    edits: [
      {
        file: 'core-services/cache/fields/shareKey.ts',
        search: '`${getName(original)} ${how}`',
        replace: 'getName(original) + how.slice(how.length)',
      },
    ],
  },
  {
    name: 'a purge of which Redis has refused the value leaves the old one',
    scenarios: [PURGES],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: 'if (isRefused && purge) await removeOld',
        replace: 'if (isRefused && purge && forcedBy === newOwn) await removeOld',
      },
    ],
  },
  {
    name: 'a force of which Redis has refused the value takes the old one away, purge or not',
    scenarios: [PURGES],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search: 'if (isRefused && purge) await removeOld',
        replace: 'if (isRefused || purge) await removeOld',
      },
    ],
  },
  {
    name: 'a force goes on with what was read ten minutes before it',
    scenarios: [IN_PARTS],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchProgress.ts',
        search: 'FORCED_PROGRESS_SECONDS = 120',
        replace: 'FORCED_PROGRESS_SECONDS = 600',
      },
    ],
  },
  {
    name: 'a force that was frozen while it read leaves what it has for longer',
    test: 'tests/cache/fields/refresh/frozenProcess.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchProgress.ts',
        search: 'resumed ? null : ageMs()',
        replace: 'resumed ? null : passedMs()',
      },
    ],
  },
  {
    name: 'a force goes on with what another fetcher has read',
    scenarios: [IN_PARTS, ...MIXED],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchProgress.ts',
        search: '`forced ${writtenAs(field.fetcher)}`',
        replace: "'forced'",
      },
    ],
  },
]
