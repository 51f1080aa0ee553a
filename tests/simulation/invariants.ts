/**
 * What holds in every run, whatever happens in it. Each invariant lists what contradicts it in a run; the names are
 * those of the freshness contract.
 */
import { describeRead, forceInvariants, type Invariant } from './forceInvariants'
import { STALE_SECONDS } from './world/times'
import type { Acknowledged, FetchSpan, History, ReadSpan } from './world/watching/history'

/**
 * A read that begins after an acknowledgement returns nothing that was fetched before the call it acknowledges; in other
 * processes than that of the call, one that begins `memoryTtl` later.
 */
function noOutdatedRead({ plan, reads, acknowledged, fetches }: History): string[] {
  return reads
    .filter(({ status }) => status !== 'degraded')
    .flatMap((read) => {
      const { began = 0, tags = [], parts = [] } = fetches[read.fetch] ?? {}
      const { memoryTtl = 0, dependsOn = false } = plan.fields[read.field] ?? {}
      const known = [...read.tags, ...tags, ...(dependsOn ? parts : [])]
      const concerns = ({ fields, tag }: Acknowledged) =>
        tag === undefined ? fields.includes(read.field) : known.includes(tag)
      const counts = ({ process, at, to }: Acknowledged) =>
        to < read.from && (process === read.process || read.at >= at + memoryTtl * 1_000)
      return acknowledged
        .filter((one) => concerns(one) && counts(one) && began < one.from)
        .map(({ by, from, to }) => `${describeRead(read)} is older than the ${by} of steps ${from} to ${to}`)
    })
}

/** Each fetch holds a lease of its own, unless Redis could not be asked. */
function fetchesHoldLeases({ seen }: History): string[] {
  return seen.fetchesWithoutLease
}

/** Only its holder ends a lease, and not while it fetches. */
function leasesEndByTheirHolder({ seen }: History): string[] {
  return seen.leasesTakenAway
}

/** A process whose answers were lost knows its leases all the same: it waits for those of others alone. */
function waitsForOthersAlone({ seen }: History): string[] {
  return seen.waitsForItself
}

/** Of cold readers anywhere, one fetches; another one only after the holder died or its lease ran out. */
function oneFetchForColdReaders({ fetches, plan, endedAt }: History): string[] {
  const runsOut = ({ ended, lease }: FetchSpan) =>
    ended === 'died' || (lease !== undefined && lease.expiresAt <= endedAt)
  return plan.fields.flatMap((_, field) => {
    const sound = fetches.filter((fetch) => fetch.field === field && !runsOut(fetch))
    return sound.length <= 1 ? [] : [`field ${field} was fetched ${sound.length} times`]
  })
}

/** Every read ends, and so does everything else that was begun. */
function everythingEnds({ unfinished }: History): string[] {
  return unfinished.map((label) => `${label} never ended`)
}

/** What a failed fetch would have brought is stored nowhere; no command but an invalidation takes a valid entry away. */
function failureCostsNothing({ seen }: History): string[] {
  return [...seen.foreignValues, ...seen.takenAway]
}

/** A process that has outlived its lease stores nothing: another one may have stored a newer value by now. */
function storingNeedsALease({ seen }: History): string[] {
  return seen.storedWithoutLease
}

/** No process stores an older fetch over a newer one of its own. For plans in which later fetches have newer tokens. */
function nothingOlderIsStored({ seen }: History): string[] {
  return seen.storedOlder
}

/** After a fetch that failed no process asks the source before its lease, or the cool-down in its place, has run out. */
function failuresCoolDown({ fetches }: History): string[] {
  return fetches.flatMap(({ field, process, at, began }) =>
    fetches
      .filter((one) => one.ended === 'failed' && one.field === field && one.began < began)
      .filter(({ lease }) => lease !== undefined && lease.expiresAt > at)
      .map(
        ({ lease }) =>
          `p${process} fetched field ${field} at ${at} ms, ${lease?.expiresAt} ms is early enough`,
      ),
  )
}

/** A process that is served a stale value finds a newer one when it reads again: it did not leave the refresh to others. */
function staleIsRefreshed(history: History): string[] {
  const { reads } = history
  return reads.flatMap((read) => {
    const next = reads.find(({ phase, field }) => phase === read.phase + 1 && field === read.field)
    if (read.status !== 'stale' || !next || next.fetch > read.fetch) return []
    return [`${describeRead(read)} was followed by ${describeRead(next)}`]
  })
}

/** No value is served past the window of its status. With clocks that disagree this cannot be judged. */
function nothingPastItsWindow({ plan, reads, fetches }: History): string[] {
  if (plan.clocks.some((skew) => skew !== 0)) return []
  const extra: Record<string, number> = { hit: 0, stale: STALE_SECONDS, degraded: 2 * STALE_SECONDS }
  return reads.flatMap((read) => {
    const seconds = extra[read.status]
    const fetched = fetches[read.fetch]?.at
    if (seconds === undefined || fetched === undefined) return []
    const limit = ((plan.fields[read.field]?.ttl ?? 0) + seconds) * 1_000
    return read.at - fetched < limit ? [] : [`${describeRead(read)} is ${read.at - fetched} ms old`]
  })
}

/** Reads fail only when the source did, forces besides when others kept getting in between; invalidations tell. */
function onlyTheSourceFailsReads({ reads, fetches, rejections }: History): string[] {
  const allowed: Record<string, (code: string) => boolean> = {
    read: (code) => code.startsWith('SOURCE_'),
    force: (code) => code.startsWith('SOURCE_') || code === 'FORCE_CONTENDED',
    'invalidate tag': (code) => code === 'INVALIDATION_FAILED',
    'invalidate field': (code) => code === 'INVALIDATION_FAILED',
    remove: (code) => /^(REDIS_|SOURCE_)|^(INVALIDATION_FAILED|FORCE_CONTENDED)$/.test(code),
    set: (code) => code.startsWith('REDIS_'),
    get: (code) => code.startsWith('REDIS_'),
  }
  const wrong = rejections
    .filter(({ operation, code, sourceFailed, requestFailed }) => {
      if (code.startsWith('SOURCE_') && !sourceFailed) return true
      if (code === 'INVALIDATION_FAILED' && !requestFailed) return true
      return !allowed[operation]?.(code)
    })
    .map(({ operation, process, code }) => `${operation} of p${process} was rejected with ${code}`)
  const foreign = reads
    .filter(({ fetch, field }) => fetches[fetch]?.ended !== 'answered' || fetches[fetch]?.field !== field)
    .map((read) => `${describeRead(read)} brought what no fetch of that field has answered`)
  return [...wrong, ...foreign]
}

/** After an invalidation exactly the fields that carry the tag miss, and all others still hit. For calm plans. */
function exactlyTheTaggedMiss(history: History): string[] {
  const { plan, reads, acknowledged } = history
  const warm = new Set<number>()
  const wrong: string[] = []
  for (let phase = 0; phase <= plan.phases.length; phase += 1) {
    const now = reads.filter((read) => read.phase === phase)
    for (const read of now) {
      const expected = warm.has(read.field) ? 'hit' : 'miss'
      // Of those who read a cold field together one warms it for the others.
      if (read.status !== expected && (expected === 'hit' || read.status !== 'hit')) {
        wrong.push(`${describeRead(read)} should be a ${expected}`)
      }
    }
    for (const read of now) if (isStored(history, read)) warm.add(read.field)
    for (const { at, fields, tag = '' } of acknowledged.filter((one) => one.phase === phase)) {
      for (const field of warm) {
        if (fields.includes(field) || told(history, field, at).includes(tag)) warm.delete(field)
      }
    }
  }
  return wrong
}

/** The tags that the value of a field tells of itself which is stored at that time. */
function told({ plan, fetches }: History, field: number, at: number): readonly string[] {
  const last = fetches.findLast(
    ({ field: of, storedAt }) => of === field && storedAt !== undefined && storedAt <= at,
  )
  return (plan.fields[field]?.dependsOn && last?.parts) || []
}

/** An eviction makes misses of what it took and of what it guarded, once, and of nothing else. For calm plans. */
function evictionCostsOneFetch(history: History): string[] {
  const { plan, reads, evictions } = history
  const wrong: string[] = []
  let cold = new Set(plan.fields.keys())
  for (let phase = 0; phase <= plan.phases.length; phase += 1) {
    const now = reads.filter((read) => read.phase === phase)
    for (const read of now) {
      if (!cold.has(read.field) && read.status !== 'hit') wrong.push(`${describeRead(read)} should be a hit`)
    }
    // A copy in memory outlives an evicted entry, and no other process gets any of it.
    for (const read of now) if (read.status === 'miss' && isStored(history, read)) cold.delete(read.field)
    for (const { name } of evictions.filter((one) => one.phase === phase)) {
      cold = new Set([...cold, ...concerned(history, name)])
    }
  }
  return wrong
}

/** A fetch that outlived its lease is not stored, and the next read fetches again. */
const isStored = ({ fetches }: History, { fetch }: ReadSpan) => fetches[fetch]?.storedAt !== undefined

function concerned({ plan }: History, name: string): number[] {
  return plan.fields.flatMap(({ tags }, field) =>
    name.endsWith(`:f${field}`) || tags.some((tag) => name.endsWith(`tag:${tag}`)) ? [field] : [],
  )
}

/** A schema gets what was fetched, never what it has made of that before. */
function convertedOnce({ seen }: History): string[] {
  return seen.convertedAnew
}

/** For plans in which nothing but forces changes what stands. */
function forcesAreNotRefused({ rejections }: History): string[] {
  return rejections.map(({ process, code }) => `a force of p${process} was rejected with ${code}`)
}

/** For every plan. */
export const always = {
  'I1 no read returns what was fetched before an acknowledged invalidation or force': noOutdatedRead,
  ...forceInvariants,
  'I2 each fetch holds its lease': fetchesHoldLeases,
  'I2 a lease is ended by its holder alone': leasesEndByTheirHolder,
  'I3 every read ends': everythingEnds,
  'I3 no read waits for a lease of its own process': waitsForOthersAlone,
  'I4 a failed fetch stores nothing, a force leaves no less than before': failureCostsNothing,
  'I4 nothing is stored by who has outlived its lease': storingNeedsALease,
  'I4 nothing is served past the window of its status': nothingPastItsWindow,
  'I5 reads fail only when the source does': onlyTheSourceFailsReads,
  'I6 a schema is applied once to what was fetched': convertedOnce,
} satisfies Record<string, Invariant>

/** For plans that are made for them. */
export const special = {
  'I2 one fetch for any number of cold readers': oneFetchForColdReaders,
  'I4 nothing is stored that is known to be outdated': nothingOlderIsStored,
  'I4 a source that failed is left alone': failuresCoolDown,
  'I4 a stale value is refreshed': staleIsRefreshed,
  'I5 forces that only meet one another are never refused': forcesAreNotRefused,
  'I7 after an invalidation exactly the tagged fields miss': exactlyTheTaggedMiss,
  'I8 an eviction costs one fetch of each field that it concerns': evictionCostsOneFetch,
} satisfies Record<string, Invariant>
