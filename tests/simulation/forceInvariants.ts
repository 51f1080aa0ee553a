/** What holds of forces in every run, whatever else is asked for of the same key at the same time. */

import { type ForceOptions, reasonsFor } from './world/forceOptions'
import { STALE_SECONDS } from './world/times'
import type { FetchSpan, History, ReadSpan } from './world/watching/history'

export type Invariant = (history: History) => string[]

export const describeRead = ({ from, process, field, status, fetch }: ReadSpan) =>
  `the read of field ${field} by p${process} at step ${from} (${status}, fetch ${fetch})`

interface AnsweredForce {
  read: ReadSpan
  options: ForceOptions
  /** The first and the last of the fetches that have brought it. */
  first: FetchSpan
  last: FetchSpan
}

function answeredForces({ reads, fetches }: History): AnsweredForce[] {
  return reads.flatMap((read) => {
    const { options, forced } = read
    const first = fetches[read.fetch]
    const last = fetches[read.last ?? read.fetch]
    return options && forced && first && last ? [{ read, options, first, last }] : []
  })
}

/** How long a force that takes several fetches may go on with what the first of them has read, in ms. */
const FORCED_PROGRESS_MS = 120_000
/** The same of the cron, which may go on with what readers have left. */
const SHARED_PROGRESS_MS = 600_000

/** A force answers what was fetched after it was asked for, unless it goes on with what another one has read lately. */
function forcesFetchAnew(history: History): string[] {
  return answeredForces(history)
    .filter(({ read, first, last }) => {
      if (last.began < read.from) return true
      if (first.began > read.from) return false
      const age = read.at - first.at
      return !(first.paused && age < (first.reason === 'force' ? FORCED_PROGRESS_MS : SHARED_PROGRESS_MS))
    })
    .map(({ read }) => `${describeRead(read)} was forced and had been fetched before`)
}

/** Only the cron goes on with what readers and the cron have left. */
function forcesOfUsersTakeNoOthersParts(history: History): string[] {
  return answeredForces(history)
    .filter(({ options, first }) => reasonsFor(options).length === 1 && first.reason !== 'force')
    .map(({ read, first }) => `${describeRead(read)} holds what was read for another reason: ${first.reason}`)
}

/** What a force answers was fetched by the fetcher, for the tags, in the time and for the reason that it asked for. */
function forcesGetWhatTheyAskFor(history: History): string[] {
  return answeredForces(history).flatMap(({ read, options, first, last }) => {
    const wrong = [
      ...(first.fetcher === options.fetcher && last.fetcher === options.fetcher
        ? []
        : ['by another fetcher']),
      ...(last.timeoutMs === options.timeoutMs ? [] : [`within ${last.timeoutMs} ms`]),
      ...(String(last.tags) === String(read.tags) ? [] : [`for the tags ${last.tags}`]),
      ...(reasonsFor(options).includes(last.reason) ? [] : [`for another reason: ${last.reason}`]),
      ...(last.anonymous === (options.by === 'anonymous') && first.anonymous === last.anonymous
        ? []
        : [`${last.anonymous || first.anonymous ? 'without' : 'with'} the token`]),
    ]
    return wrong.map(
      (how) => `${describeRead(read)} asked for ${JSON.stringify(options)} and was fetched ${how}`,
    )
  })
}

/** How long Redis keeps what is forced for a ttl, in s. */
const keptFor = ({ ttl }: ForceOptions): number => ttl + 2 * STALE_SECONDS

/** What a force has stored is kept for the ttl that this force asked for, and nothing is that none has asked for. */
function forcesKeepTheirTtl(history: History): string[] {
  const own = answeredForces(history)
    .filter(({ read, options, last }) => read.status === 'refreshed' && last.keptFor !== keptFor(options))
    .map(
      ({ read, options, last }) =>
        `${describeRead(read)} asked for a ttl of ${options.ttl} s and is kept for ${last.keptFor ?? 0} s`,
    )
  const stray = history.fetches.filter(
    ({ keptFor: kept, reason, process, field, fetcher, began }) =>
      kept !== undefined &&
      reason !== 'set' &&
      !history.asked.some(
        (one) =>
          one.process === process &&
          one.field === field &&
          one.options.fetcher === fetcher &&
          keptFor(one.options) === kept &&
          one.from < began &&
          one.to > began,
      ),
  )
  return [
    ...own,
    ...stray.map(
      ({ field, process, began, keptFor: kept }) =>
        `p${process} keeps what it fetched of field ${field} at step ${began} for ${kept} s, which it was not asked for`,
    ),
  ]
}

export const forceInvariants = {
  'I1 a force answers what was fetched after it was asked for': forcesFetchAnew,
  'I1 a force of a user holds nothing that was read for others': forcesOfUsersTakeNoOthersParts,
  'I1 a force answers what was fetched with its own options': forcesGetWhatTheyAskFor,
  'I4 what is forced is stored for the ttl of its own force': forcesKeepTheirTtl,
} satisfies Record<string, Invariant>
