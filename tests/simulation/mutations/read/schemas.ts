/** What is stored of a value: what comes before the schema, and only what JSON keeps. */
import type { Mutation } from '../../mutation'

const scenarios = ['schemas that convert and a calm network']

export const schemaMutations: readonly Mutation[] = [
  {
    name: 'what JSON makes something else of is stored',
    test: 'tests/cache/redis/lossyValues.test.ts',
    edits: [
      {
        file: 'core-services/cache/redis/json.ts',
        search: 'loss = findLoss(value)',
        replace: 'loss = undefined',
      },
    ],
  },
  {
    name: 'a fetch gets the stored value as the schema has transformed it',
    scenarios,
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchEntry.ts',
        search: 'value: JSON.parse(opened.entry.body)',
        replace: 'value: opened.data',
      },
    ],
  },
  {
    name: 'what the schema has made of a value is stored',
    scenarios,
    edits: [
      {
        file: 'core-services/cache/fields/refresh/fetchEntry.ts',
        search: 'entry: { ...entry, ...lifetime,',
        replace: 'entry: { ...entry, body: encodeBody(readBack), ...lifetime,',
      },
    ],
  },
]
