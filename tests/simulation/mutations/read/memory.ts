/** The memory layer: how long a copy needs no proof, and what proves it after that. */
import type { Mutation } from '../../mutation'

const OTHERS = ['copies in memory while another process invalidates', 'memory and a calm network']
const OWN = ['copies in memory while their own process invalidates']

export const memoryMutations: readonly Mutation[] = [
  {
    name: 'memoryTtl is counted from the end of the fetch',
    scenarios: ['a fetch that is slower than memory is long, and an invalidation', ...OTHERS],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'slot.keep(entry, lookup.sentAt)',
        replace: 'slot.keep(entry, { monotonic: clock.monotonic(), wall: clock.now() })',
      },
    ],
  },
  {
    name: 'memoryTtl is counted from the answer of a lookup',
    scenarios: OTHERS,
    edits: [
      {
        file: 'core-services/cache/fields/read/readField.ts',
        search: 'slot.keep(stored.entry, lookup.sentAt)',
        replace: 'slot.keep(stored.entry, { monotonic: clock.monotonic(), wall: clock.now() })',
      },
    ],
  },
  {
    name: 'memoryTtl is counted from the answer that proves a copy again',
    scenarios: OTHERS,
    edits: [
      {
        file: 'core-services/cache/fields/read/readMemory.ts',
        search: 'memoryCache.prove(copy, snapshot.sentAt)',
        replace: 'memoryCache.prove(copy, { monotonic: ports.clock.monotonic(), wall: ports.clock.now() })',
      },
    ],
  },
  {
    name: 'a copy is proved without its tokens',
    scenarios: OTHERS,
    edits: [
      {
        file: 'core-services/cache/fields/read/readMemory.ts',
        search: 'const holds = areTokensCurrent(guards, copy',
        replace: 'const holds = areTokensCurrent([], copy',
      },
    ],
  },
  {
    name: 'a copy is proved by its own token alone',
    scenarios: OTHERS,
    edits: [
      {
        file: 'core-services/cache/fields/read/readMemory.ts',
        search: 'const holds = areTokensCurrent(guards, copy',
        replace: 'const holds = areTokensCurrent(guards.slice(0, 1), copy',
      },
    ],
  },
  {
    name: 'a copy past its ttl is proved by its tokens',
    scenarios: ['memory and a calm network'],
    edits: [
      {
        file: 'core-services/cache/fields/read/readMemory.ts',
        search: "  if (context.freshness(copy.entry) !== 'fresh') return null\n  const started",
        replace: '  const started',
      },
    ],
  },
  {
    name: 'a copy in memory never ends',
    scenarios: OTHERS,
    edits: [
      {
        file: 'core-services/cache/fields/read/readMemory.ts',
        search: 'if (!copy || memoryCache.unprovenFor(copy) >= (',
        replace: 'if (!copy || memoryCache.unprovenFor(copy) >= 1e9 + (',
      },
    ],
  },
  {
    name: 'an invalidation leaves the copies of its own process',
    scenarios: OWN,
    edits: [
      {
        file: 'core-services/cache/fields/memory/memoryCache.ts',
        search: 'if (!copy || !known.outdated(copy.entry.tokens, copy.provenAt.monotonic)) return copy\n',
        replace: 'if (copy) return copy\n',
      },
    ],
  },
  {
    name: 'a copy counts as proved though the process has forgotten what would outdate it',
    test: 'tests/cache/fields/memory/knownTokens.property.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/memory/knownTokens.ts',
        search: 'forgottenUntil = Math.max(forgottenUntil, at)',
        replace: 'forgottenUntil = Math.min(forgottenUntil, at)',
      },
    ],
  },
  {
    name: 'what is forgotten is asked by no reader of a copy',
    test: 'tests/cache/fields/memory/invalidatedCopies.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/memory/memoryCache.ts',
        search: 'provenAt.monotonic <= known.forgottenUntil ?',
        replace: 'provenAt.monotonic === known.forgottenUntil ?',
      },
    ],
  },
  {
    name: 'a copy that a look has shown to be invalidated is kept for when Redis fails',
    test: 'tests/cache/fields/memory/invalidatedCopies.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/memory/knownTokens.ts',
        search: 'return last !== undefined && last.token !== token && later(last.at, at)',
        replace: 'return last !== undefined && last.token !== token && later(last.at, at + 1e9)',
      },
    ],
  },
  {
    name: 'a copy whose token Redis has lost is kept for when Redis fails',
    test: 'tests/cache/fields/memory/invalidatedCopies.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/fieldKeys.ts',
        search: '  if (lost && ',
        replace: '  if (!name && lost && ',
      },
    ],
  },
  {
    name: 'what was invalidated is served while the source is only slow',
    test: 'tests/cache/fields/memory/invalidatedCopies.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/read/readField.ts',
        search: 'stored !== null && fallback !== null)',
        replace: 'fallback !== null)',
      },
    ],
  },
  {
    name: 'what is remembered of the guards of all fields has no bound',
    test: 'tests/cache/fields/memory/fieldHints.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/memory/fieldHints.ts',
        search: 'const MOST_GUARD_BYTES = 10_000_000',
        replace: 'const MOST_GUARD_BYTES = 10_000_000_000',
      },
    ],
  },
  {
    name: 'an invalidation walks over all copies',
    test: 'tests/cache/fields/memory/memoryCache.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/memory/memoryCache.ts',
        search: '    dropGuarded: known.drop,\n',
        replace:
          '    dropGuarded(guards, spared) {\n      known.drop(guards, spared)\n      for (const place of copies.keys()) get(place)\n    },\n',
      },
    ],
  },
  {
    name: 'a force leaves a copy that was asked for while it was written',
    scenarios: OWN,
    edits: [
      {
        file: 'core-services/cache/fields/refresh/forceRefresh.ts',
        search:
          'runtime.memoryCache.dropGuarded([ownGuard(config.key)], { token: newOwn, since: sentAt.monotonic })\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a force that is answered late spares its value from a later write of its process',
    scenarios: ['other doors and a calm network'],
    test: 'tests/cache/fields/memory/memoryCache.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/memory/knownTokens.ts',
        search: 'dropOne(guard, overtaken ? undefined : spared?.token)',
        replace: 'dropOne(guard, overtaken && !kept ? undefined : spared?.token)',
      },
    ],
  },
]
