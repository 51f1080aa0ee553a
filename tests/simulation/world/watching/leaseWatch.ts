/** Who holds which lease, as Redis knows it, and whether those who fetch do. */

import { FAILED } from '@/lib/core-services/cache/fields/refresh/lease'
import { TAKE_OVER_LEASE_SCRIPT } from '@/lib/core-services/cache/fields/store/scripts/takeOverLease'
import type { Command } from '@/lib/testing/redis/memoryRedis'
import type { Universe } from '../../../kit/simulation/universe'
import { fieldKey } from '../names'
import type { FetchSpan, GrantedLease } from './history'

export interface LeaseWatch {
  /** Told of what a command has done to a lease. Answers what it may not have done. */
  changed(change: LeaseChange): string | undefined
  /** Notes the lease of a fetch; false when it needs one and has none. */
  fetchBegins(fetch: FetchSpan): boolean
  /** Whether a process has a lease for a field that has not run out, whichever. */
  holds(process: number, field: number): boolean
  /** Told by the process: the next fetch needs no lease. */
  goesUncached(process: number): void
}

interface LeaseChange {
  name: string
  process: number
  /** What stood there and what stands there now. */
  before: string | null
  after: string
  milliseconds: number
}

/** The lease that a command is about, if it is about one. */
export function leaseIn(command: Command): string | undefined {
  return command.map(String).find((part) => part.includes('~lease:') && !part.includes('\n'))
}

/** How long what a command puts in the place of a lease stands there, in ms. */
export function leaseTime(command: Command): number {
  const [name, script, , , ...args] = command
  if (name !== 'EVAL') return Number(command[command.indexOf('PX') + 1])
  return Number(args[script === TAKE_OVER_LEASE_SCRIPT ? 1 : 2])
}

export function createLeaseWatch(universe: Universe): LeaseWatch {
  const leases: GrantedLease[] = []
  const uncached = new Set<number>()
  /** Those that need a lease. */
  const begun: FetchSpan[] = []
  const grantedTo = (process: number, field: number) =>
    leases.filter((one) => one.process === process && one.name.includes(`:${fieldKey(field)}:`))
  const held = (process: number, field: number) =>
    grantedTo(process, field).filter(({ expiresAt }) => expiresAt > universe.now())
  /** Those that have run out by themselves since a fetch began, which goes on for those who wait for it. */
  const ranOut = ({ process, field, at }: FetchSpan) =>
    grantedTo(process, field).filter(
      ({ expiresAt, ended }) => !ended && expiresAt <= universe.now() && expiresAt > at,
    )

  /** Whether a process has a lease for each of its fetches of that field. Which is whose is not told. */
  function areEnough({ process, name }: GrantedLease): boolean {
    const running = begun.filter(
      (one) =>
        one.process === process && one.ended === 'running' && name.includes(`:${fieldKey(one.field)}:`),
    )
    const [first] = running
    if (!first) return true
    return running.length <= held(process, first.field).length + ranOut(first).length
  }

  return {
    changed({ name, process, before, after, milliseconds }) {
      const expiresAt = universe.now() + milliseconds
      const ended = leases.findLast((one) => one.name === name && one.holder === before)
      const enough = !ended || areEnough(ended)
      if (ended) Object.assign(ended, { expiresAt: universe.now(), ended: true })
      const tooFew = ended && enough && after !== before && !areEnough(ended)
      // Of a fetch that failed it is the end of the cool-down that its lease was turned into.
      if (ended && after.startsWith(FAILED)) ended.expiresAt = expiresAt
      if (!after.startsWith(FAILED) && after !== 'free') {
        leases.push({ name, process, holder: after, expiresAt })
        universe.log(`p${process}: has the lease ${name} for ${milliseconds} ms`)
      }
      const foreign = ended && after !== before && ended.process !== process
      return tooFew || foreign ? `p${process} ended the lease ${name} of p${ended.process}` : undefined
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
      begun.push(fetch)
      lease.fetch = fetch
      fetch.lease = lease
      return true
    },
    holds: (process, field) => held(process, field).length > 0,
    goesUncached: (process) => uncached.add(process),
  }
}
