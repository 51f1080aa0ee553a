/** Leases: one fetch in the whole cluster, and none that lasts for ever. */
import type { Mutation } from './mutation'

export const leaseMutations: readonly Mutation[] = [
  {
    name: 'a lease is not checked against the time since it was sent',
    edits: [
      {
        file: 'fillField.ts',
        search: 'if (runtime.ports.clock.monotonic() - sentAt >= lease.milliseconds) return null\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a lease without an answer counts as taken',
    scenarios: ['requests and answers lost or late, and clocks minutes apart'],
    edits: [
      {
        file: 'fillField.ts',
        search: 'if (await store.takeLease(lease)) return sentAt',
        replace: 'if (await store.takeLease(lease).catch(() => true)) return sentAt',
      },
    ],
  },
  {
    name: 'who loses the lease fetches at once',
    edits: [
      {
        file: 'fillField.ts',
        search: 'if (await store.takeLease(lease)) return sentAt',
        replace: 'if ((await store.takeLease(lease)) !== undefined) return sentAt',
      },
    ],
  },
  {
    name: 'who waited for a lease fetches when it is gone, without taking it',
    edits: [
      {
        file: 'fillField.ts',
        search: '    held = holder !== null\n',
        replace: '    if (held && holder === null) return clock.monotonic()\n    held = holder !== null\n',
      },
    ],
  },
  {
    name: 'a lease never runs out, and who waits never gives up',
    edits: [
      {
        file: 'engine/fieldStore.ts',
        search: "    'PX',\n    milliseconds,\n",
        replace: "    'PX',\n    1e12 + milliseconds,\n",
      },
      {
        file: 'fillField.ts',
        search: 'const giveUpAt = clock.monotonic() + lease.milliseconds',
        replace: 'const giveUpAt = clock.monotonic() + 1e12 + lease.milliseconds',
      },
    ],
  },
  {
    name: 'a lease is given back after success',
    scenarios: ['cold readers'],
    edits: [
      {
        file: 'fillField.ts',
        search: 'await store.write(store.names.entry(field.key), text, lifetimeOf(field))\n',
        replace: `await store.write(store.names.entry(field.key), text, lifetimeOf(field))
      await store.remove(lease.name)
`,
      },
    ],
  },
  {
    name: 'who sees tokens in the making does not wait for the lease that comes with them',
    test: 'tests/cache/freshness.test.ts',
    edits: [
      {
        file: 'fillField.ts',
        search: 'const born = await runtime.flights.running<Born | null>(creation)',
        replace: 'const born = null as Born | null',
      },
    ],
  },
  {
    name: 'who outlived its lease writes all the same',
    edits: [
      {
        file: 'fillField.ts',
        search: 'if (runtime.ports.clock.monotonic() - lease.sentAt >= lease.milliseconds) return false\n',
        replace: '',
      },
    ],
  },
  {
    name: 'who has seen newer tokens writes all the same',
    scenarios: ['a slow fetch, an invalidation, and a fetch that is faster'],
    edits: [
      {
        file: 'fillField.ts',
        search: '      if (runtime.seen.outdated(field.key, tokens, lease.sentAt)) return false\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a source that failed is asked again at once',
    scenarios: ['readers of a source that is down'],
    edits: [
      {
        file: 'fillField.ts',
        search: 'store.failLease(lease.name, `${FAILED}${codeOf(error.cause ?? error)}`, milliseconds),',
        replace: 'store.remove(lease.name).then(() => void milliseconds),',
      },
    ],
  },
]
