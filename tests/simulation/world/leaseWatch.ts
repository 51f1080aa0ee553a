/** Who holds which lease, as Redis knows it, and whether those who fetch do. */

import type { Command } from '@/lib/testing/redis/memoryRedis'
import type { FetchSpan, GrantedLease } from './history'
import { fieldKey } from './names'
import type { Caller } from './network'
import type { Universe } from './universe'

export interface LeaseWatch {
  granted(command: Command, caller: Caller): void
  /** Its holder has turned it into a cool-down, or has given it back. */
  failed(command: Command, caller: Caller): void
  /** Notes the lease of a fetch; false when it needs one and has none. */
  fetchBegins(fetch: FetchSpan): boolean
  /** Whether a process has a lease for a field that has not run out, whichever. */
  holds(process: number, field: number): boolean
  /** Told by the process: the next fetch needs no lease. */
  goesUncached(process: number): void
}

export function createLeaseWatch(universe: Universe): LeaseWatch {
  const leases: GrantedLease[] = []
  const uncached = new Set<number>()
  const held = (process: number, field: number) =>
    leases.filter(
      (one) =>
        one.process === process &&
        one.name.includes(`:${fieldKey(field)}:`) &&
        one.expiresAt > universe.now(),
    )

  return {
    granted([, name, , ...options], { process }) {
      if (!String(name).includes('~lease:') || !options.includes('NX')) return
      const milliseconds = Number(options[options.indexOf('PX') + 1])
      leases.push({ name: String(name), process, expiresAt: universe.now() + milliseconds })
      universe.log(`p${process}: has the lease ${name} for ${milliseconds} ms`)
    },
    failed([, name, , ...options], { process }) {
      const lease = leases.findLast((one) => one.name === name)
      // One that comes late may end the lease of somebody else, who has no way to know.
      const own = lease?.process === process && lease.fetch !== undefined && lease.fetch.ended !== 'running'
      if (own && options.includes('XX')) {
        lease.expiresAt = universe.now() + Number(options[options.indexOf('PX') + 1])
      }
    },
    fetchBegins(fetch) {
      if (uncached.delete(fetch.process)) return true
      if (fetch.reason !== 'miss' && fetch.reason !== 'stale') return true
      // The first one to run out: if it is not this fetch's own, the other one will do for the fetch that is still to
      // come. A process that finds its own lease may fetch with it once more, but not twice at a time.
      const [lease] = held(fetch.process, fetch.field)
        .filter((one) => one.fetch?.ended !== 'running')
        .sort((a, b) => a.expiresAt - b.expiresAt)
      if (!lease) return false
      lease.fetch = fetch
      fetch.lease = lease
      return true
    },
    holds: (process, field) => held(process, field).length > 0,
    goesUncached: (process) => uncached.add(process),
  }
}
