/** What comes before the schema and what comes after it. */
import type { Mutation } from './mutation'

const scenarios = ['schemas that convert and a calm network']

export const schemaMutations: readonly Mutation[] = [
  {
    name: 'a fetch is handed what the schema has made of the value that stands',
    scenarios,
    edits: [
      {
        file: 'fetchEntry.ts',
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
        file: 'fetchEntry.ts',
        search: 'entry: { ...entry, ...life,',
        replace: 'entry: { ...entry, body: encodeBody(readBack), ...life,',
      },
    ],
  },
]
