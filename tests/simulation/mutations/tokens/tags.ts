/** Configurations of one key that disagree: about its tags, or, in releases side by side, about its shape. */
import type { Mutation } from '../../mutation'

const UNNAMED = [
  'readers that do not name the tag that is invalidated',
  'readers that name different tags, and a calm network',
]

export const tagMutations: readonly Mutation[] = [
  {
    name: 'a reader asks for the tokens of the tags alone that it names',
    scenarios: UNNAMED,
    edits: [
      {
        file: 'core-services/cache/entry/freshness.ts',
        search: 'areTokensCurrent(Object.keys(entry.tokens), entry.tokens, token)',
        replace:
          'areTokensCurrent(readerGuards.filter((guard) => guard !== COARSE_GUARD), entry.tokens, token)',
      },
    ],
  },
  {
    name: 'a copy is proved by the tokens of the tags alone that its reader names',
    scenarios: ['copies in memory of readers that do not name the tag that is invalidated'],
    edits: [
      {
        file: 'core-services/cache/fields/read/readMemory.ts',
        search: 'const guards = Object.keys(copy.entry.tokens)\n',
        replace: 'const guards = slot.guards.filter((guard) => guard in copy.entry.tokens)\n',
      },
    ],
  },
  {
    name: 'an entry without a tag of its reader is served to it',
    scenarios: ['readers that name different tags, and a calm network'],
    edits: [
      {
        file: 'core-services/cache/entry/freshness.ts',
        search: 'return storesGuards(entry, readerGuards) && areTokensCurrent(',
        replace: 'return areTokensCurrent(',
      },
      {
        file: 'core-services/cache/entry/freshness.ts',
        search: '  return known.every((guard) => Object.hasOwn(tokens, guard))\n',
        replace: '  return known.length > 0 && tokens !== null\n',
      },
    ],
  },
  {
    name: 'a refresh strips the entry of the tags that it does not name',
    test: 'tests/cache/fields/tagsOfEntries.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/lookup.ts',
        search: 'if (others.length === 0) return [...readerGuards]\n',
        replace: 'if (others.length >= 0) return [...readerGuards]\n',
      },
    ],
  },
  {
    name: 'a refresh keeps the tags that only the last value had',
    test: 'tests/cache/fields/tagsOfEntries.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/lookup.ts',
        search: 'new Set(replaced?.dependencies)',
        replace: 'new Set(replaced?.dependencies?.slice(replaced.dependencies.length))',
      },
    ],
  },
  {
    name: 'a refresh keeps more tags than there is room for',
    test: 'tests/cache/fields/tagsOfEntries.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/entryTokens.ts',
        search: 'new Set(others.slice(room))',
        replace: 'new Set(others.slice(room + 9e9))',
      },
    ],
  },
  {
    name: 'readers that name different tags share the tokens that one of them creates',
    test: 'tests/cache/fields/tagsOfEntries.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: "`tokens ${slot.name} ${lookup.guards.join(' ')}`",
        replace: '`tokens ${slot.name}`',
      },
    ],
  },
  {
    name: 'a flight is not named by the tokens of what the entry that it replaces depends on',
    test: 'tests/cache/fields/tagsOfEntries.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/lookup.ts',
        search: '${dependencyFingerprint && `.${dependencyFingerprint}`}',
        replace: "${dependencyFingerprint && ''}",
      },
    ],
  },
  {
    name: 'a value that is kept aside stays there for ever',
    test: 'tests/cache/fields/read/keptAside.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/fieldSlot.ts',
        search: 'if (!aside.isAside) return null\n',
        replace: 'if (aside) return null\n',
      },
    ],
  },
  {
    name: 'a process comes back from aside while another release is served the usual place',
    test: 'tests/cache/fields/read/deployments.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/fieldSlot.ts',
        search: 'if (opened && !opened.ok && opened.refused) return null\n',
        replace: '',
      },
    ],
  },
]
