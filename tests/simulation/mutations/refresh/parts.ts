/** Fetches that go on where another one has stopped. */
import type { Mutation } from '../../mutation'

const HOLDS = 'areTokensCurrent(all, earlier.tokens,'

export const partMutations: readonly Mutation[] = [
  {
    name: 'a fetch goes on with what was invalidated since',
    scenarios: ['an invalidation between the parts of a fetch'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchProgress.ts',
        search: HOLDS,
        replace: 'areTokensCurrent([], earlier.tokens,',
      },
    ],
  },
  {
    name: 'a fetch goes on though what its value depends on was invalidated since',
    scenarios: ['fetches in parts of what has dependencies'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchProgress.ts',
        search: HOLDS,
        replace: "areTokensCurrent(all.filter((guard) => guard !== 'any:tag'), earlier.tokens,",
      },
    ],
  },
  {
    name: 'a force goes on with what was read before it',
    scenarios: ['a force after a read that has stopped, and others that have'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchProgress.ts',
        search: "const whose = reason === 'force' ?",
        replace: 'const whose = reason === undefined ?',
      },
    ],
  },
  {
    name: 'a value counts from the last of its parts',
    scenarios: ['fetches in parts and a calm network'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchProgress.ts',
        search: 'since = Math.min(startedAt, progress.fetchedAt)\n',
        replace: 'since = startedAt\n',
      },
    ],
  },
  {
    name: 'each part of a force keeps what was read so far for two more minutes',
    scenarios: ['forces with different options in parts, minutes apart'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchProgress.ts',
        search: 'if (forced && firstPartMs === null) return store.replace(name, text)\n',
        replace: '',
      },
    ],
  },
]
