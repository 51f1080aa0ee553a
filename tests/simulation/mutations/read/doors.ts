/** The keys of fields through other doors than those of fields. */
import type { Mutation } from '../../mutation'

const DELETIONS = 'tests/cache/fields/commands/deletions.test.ts'

export const doorMutations: readonly Mutation[] = [
  {
    name: 'a removal leaves the own token of a field',
    scenarios: ['a removal of what is in memory while its entry is evicted'],
    edits: [
      {
        file: 'core-services/cache/fields/store/fieldStore.ts',
        search: '    ...tokens.map(({ name, token, seconds }): Command => {\n      // A',
        replace:
          '    ...tokens.slice(tokens.length).map(({ name, token, seconds }): Command => {\n      // A',
      },
    ],
  },
  {
    name: 'a removal creates tokens for keys that were never those of fields',
    test: DELETIONS,
    edits: [
      {
        file: 'core-services/cache/fields/store/fieldStore.ts',
        search: "['SET', name, token, 'XX', 'EX', seconds]",
        replace: "['SET', name, token, 'EX', seconds]",
      },
    ],
  },
  {
    name: 'a removal leaves the memory of its own process',
    test: DELETIONS,
    edits: [
      {
        file: 'core-services/cache/fields/commands/fieldKeyCommands.ts',
        search: 'const guards = names.map(ownGuard)\n',
        replace: 'const guards = names.slice(names.length).map(ownGuard)\n',
      },
    ],
  },
  {
    name: 'a pattern goes by entries alone',
    test: DELETIONS,
    edits: [
      {
        file: 'core-services/cache/redis/commands/patternCommands.ts',
        search: "keys.internalPattern('token', ownGuard(glob))",
        replace: "keys.internalPattern('no-token', ownGuard(glob))",
      },
    ],
  },
  {
    name: 'a value that is set keeps the own token of the one before',
    test: 'tests/cache/fields/commands/fieldKeyCommands.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/commands/replaceEntry.ts',
        search: 'const own = { token: uniqueToken(), seconds',
        replace: "const own = { token: captured[guard] ?? '', seconds",
      },
    ],
  },
  {
    name: 'what was invalidated is there for other doors',
    scenarios: ['a value that is set while others fetch, remove and read'],
    edits: [
      {
        file: 'core-services/cache/fields/commands/fieldKeyCommands.ts',
        search: 'return areTokensCurrent(guards, tokens, (guard)',
        replace: 'return areTokensCurrent([], tokens, (guard)',
      },
    ],
  },
  {
    name: 'a fetch that began before an own removal is stored all the same',
    test: 'tests/cache/fields/commands/fieldKeyCommands.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/memory/knownTokens.ts',
        search: 'overtaken: (tokens, at) => isOutdated(tokens, at, isLater),',
        replace: 'overtaken: (tokens, at) => isOutdated(tokens, at, (one, other) => one > other + 1e9),',
      },
    ],
  },
  {
    name: 'an entry whose header is very long is not there',
    test: 'tests/cache/fields/commands/fieldKeyCommands.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/store/partialEntry.ts',
        search: '[512_000, 2 ** 29]',
        replace: '[512_000]',
      },
    ],
  },
  {
    name: 'an entry that Redis refuses to show is there',
    test: 'tests/cache/fields/commands/fieldKeyCommands.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/store/partialEntry.ts',
        search: 'throw reply.reason',
        replace: 'return null',
      },
    ],
  },
  {
    name: 'a write that loses three times says that there was nothing to write',
    test: 'tests/cache/fields/commands/contendedWrites.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/commands/replaceEntry.ts',
        search: 'const ATTEMPTS = 30',
        replace: 'const ATTEMPTS = 3',
      },
    ],
  },
  {
    name: 'a write that was never decided has an answer',
    test: 'tests/cache/fields/commands/contendedWrites.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/commands/replaceEntry.ts',
        search: 'throw writeContended(key, ATTEMPTS)',
        replace: 'return false',
      },
    ],
  },
  {
    name: 'what was not written under the tokens of a family is answered with OK',
    test: 'tests/cache/fields/commands/contendedWrites.test.ts',
    edits: [
      {
        file: 'core-services/cache/redis/commands/writes.ts',
        search: "if (!args.includes('GET')) return outcome\n",
        replace: '',
      },
    ],
  },
  {
    name: 'what is set where Redis has lost the token leaves the copy in memory',
    test: 'tests/cache/fields/commands/fieldKeyCommands.test.ts',
    edits: [
      {
        file: 'core-services/cache/redis/commands/writes.ts',
        search: 'if (token == null) fields.forget([key])\n  else if (isSet(args, reply)) {',
        replace: 'if (token != null && isSet(args, reply)) {',
      },
    ],
  },
]
