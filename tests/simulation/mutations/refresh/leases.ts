/** Leases: one fetch in the whole cluster, and none that lasts for ever. */
import type { Mutation } from '../../mutation'

export const leaseMutations: readonly Mutation[] = [
  {
    name: 'a lease is not checked against the time since it was sent',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'if (passedSince(runtime.ports.clock, held.sentAt) >= held.milliseconds) return SUPERSEDED\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a lease without an answer counts as taken',
    scenarios: ['requests and answers lost or late, and clocks minutes apart'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: 'if (await slot.store.takeLease(lease)) {',
        replace: 'if (await slot.store.takeLease(lease).catch(() => true)) {',
      },
    ],
  },
  {
    name: 'a process that does not get the lease fetches at once',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: 'if (await slot.store.takeLease(lease)) {',
        replace: 'if ((await slot.store.takeLease(lease)) !== undefined) {',
      },
    ],
  },
  {
    name: 'a process that waited for a lease fetches when it is gone, without taking it',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: "    held = found.kind === 'others'\n",
        replace: `    if (held && lookup.holder === null)
      return { kind: 'leased', lease: { ...lease, sentAt: currentInstant(clock) } }
    held = found.kind === 'others'
`,
      },
    ],
  },
  {
    name: 'a lease never expires, and a waiting process never gives up',
    edits: [
      {
        file: 'core-services/cache/fields/store/fieldStore.ts',
        search: "    'PX',\n    milliseconds,\n",
        replace: "    'PX',\n    1e12 + milliseconds,\n",
      },
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: '|| passedSince(clock, began) >= lease.milliseconds)',
        replace: '|| passedSince(clock, began) >= 1e12 + lease.milliseconds)',
      },
    ],
  },
  {
    name: 'a lease is given back after success',
    scenarios: ['cold readers'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: "if (outcome.why && outcome.why !== 'lease-over') endLease(",
        replace: 'endLease(',
      },
    ],
  },
  {
    name: 'a reader of tokens in creation does not wait for the lease that comes with them',
    test: 'tests/cache/fields/read/freshness.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search:
          'const created = await singleFlight.running<CreatedTokens | null>(creation)?.catch(() => null)',
        replace: 'const created = null as CreatedTokens | null',
      },
    ],
  },
  {
    name: 'a process that outlived its lease writes all the same',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: "if (passedSince(clock, lease.sentAt) >= lease.milliseconds) return 'lease-over'\n",
        replace: '',
      },
    ],
  },
  {
    name: 'a process that has read newer tokens writes all the same',
    scenarios: ['a slow fetch, an invalidation, and a fetch that is faster'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: "runtime.memoryCache.overtaken(entry.tokens, began) ? 'outdated' : undefined",
        replace: 'undefined',
      },
    ],
  },
  {
    name: 'a lease is measured by the monotonic clock alone, which stops in a frozen process',
    scenarios: ['a process that is frozen past its lease, and one that fetches meanwhile'],
    edits: [
      {
        file: 'shared/clock.ts',
        search: 'Math.max(clock.monotonic() - then.monotonic, clock.now() - then.wall)',
        replace: 'clock.monotonic() - then.monotonic',
      },
    ],
  },
  {
    name: 'a source that failed is asked again at once',
    scenarios: ['readers of a source that is down'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'await turnIntoCoolDown(slot, lease, coolDown)',
        replace: 'await slot.store.remove(lease.name)',
      },
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'leaveAlone(slot, flight.name, coolDown)',
        replace: '',
      },
    ],
  },
  {
    name: 'the lease of another process counts as our own',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: 'if (ours.holder === holder && isUsable(',
        replace: 'if (isUsable(',
      },
    ],
  },
  {
    name: 'a lease is released although another process holds it by now',
    scenarios: ['dependencies and everything at once'],
    edits: [
      {
        file: 'core-services/cache/fields/store/scripts/endLease.ts',
        search: "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n",
        replace: '',
      },
      {
        file: 'testing/redis/scripts.ts',
        search: "if (call('GET', lease) !== holder) return 0\n",
        replace: "if (call('GET', lease) === null || holder === '') return 0\n",
      },
    ],
  },
  {
    name: 'a lease that is being given back is found and used again',
    test: 'tests/cache/fields/refresh/leases.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: 'if (ours?.holder === lease.holder) ours.ended = true\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a lease of our own that is over counts as ours',
    scenarios: ['cold readers whose lease holders are late'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/lease.ts',
        search: 'return !ended && passedSince(runtime.ports.clock, sentAt) < milliseconds',
        replace: 'return !ended && sentAt.monotonic <= runtime.ports.clock.monotonic() + milliseconds',
      },
    ],
  },
  {
    name: 'a Redis that takes no lease is asked for ever',
    scenarios: ['a Redis that hardly answers'],
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'if (!held && refusal) {',
        replace: 'if (held && refusal) {',
      },
    ],
  },
  {
    name: 'the lease that came with new tokens is shared with a reader of another entry',
    test: 'tests/cache/fields/refresh/leases.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: 'requested?.name === own.name ? requested : undefined',
        replace: 'requested',
      },
    ],
  },
  {
    name: 'an error by which the framework steers keeps the lease',
    test: 'tests/cache/controlFlow.test.ts',
    edits: [
      {
        file: 'core-services/cache/fields/refresh/resolveMiss.ts',
        search: '    } else endLease()\n',
        replace: '    } else if (!runtime.ports.isControlFlow(error)) endLease()\n',
      },
    ],
  },
]
