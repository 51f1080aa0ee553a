/** Tags that only the value tells. */
import type { Mutation } from '../../mutation'

const CHANGED = [
  'readers before and after what their value depends on is invalidated',
  'dependencies and a calm network',
]

export const dependencyMutations: readonly Mutation[] = [
  {
    name: 'what a value depends on guards nothing',
    scenarios: CHANGED,
    edits: [
      {
        file: 'core-services/cache/fields/refresh/entryTokens.ts',
        search: '{ tokens: Object.freeze({ ...guardTokens, ...addedTokens }), dependencies: added }',
        replace: '{ tokens: Object.freeze(guardTokens), dependencies: [] }',
      },
    ],
  },
  {
    name: 'tokens of dependencies are read after the fetch, whatever was invalidated meanwhile',
    scenarios: CHANGED,
    edits: [
      {
        file: 'core-services/cache/fields/refresh/entryTokens.ts',
        search: 'if (snapshot.get(store.names.guard(COARSE_GUARD)) !== coarse) return null\n',
        replace: 'if (coarse === null) return null\n',
      },
    ],
  },
  {
    name: 'the coarse token is not read again once tokens of dependencies were created',
    scenarios: ['tokens of dependencies that are created while others change them'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/entryTokens.ts',
        search: '      snapshot = await store.createAndRead(created, names)\n',
        replace: `      const before = snapshot
      const after = await store.createAndRead(created, names)
      snapshot = { ...after, get: (name) => (name === names[0] ? before : after).get(name) }
`,
      },
    ],
  },
  {
    name: 'an invalidation leaves the coarse token',
    scenarios: CHANGED,
    edits: [
      {
        file: 'core-services/cache/invalidate.ts',
        search: '[...guards, COARSE_GUARD].map(',
        replace: 'guards.map(',
      },
    ],
  },
  {
    // Tags go before it, and every field of that scenario has a coarse token.
    name: 'flights and leases are not named by the coarse token',
    scenarios: ['readers before and after what their value depends on is invalidated'],
    edits: [
      {
        file: 'core-services/cache/fields/lookup.ts',
        search: "${tokens.join('.')}",
        replace: "${tokens.slice(0, -1).join('.')}",
      },
    ],
  },
]
