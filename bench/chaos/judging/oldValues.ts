/** Finds the answers that are older than the freshness contract allows. */
import { EVERY_FIELD, isAcknowledged, type Sample } from '../load'
import { LOADED_FIELDS } from '../names'
import type { Edit } from '../source'

/**
 * A fetch returns at least the version that the source had when the fetch began. So once a refresh or an invalidation was
 * acknowledged, reads must show at least the version known when it was sent. And a version that was replaced longer ago
 * than the ttl of its field cannot be a hit. The promise excludes `degraded` answers.
 */
export function oldValues(samples: readonly Sample[], edits: readonly Edit[]): Set<Sample> {
  const versionAt = (time: number): number => edits.findLast(({ since }) => since <= time)?.version ?? 0
  const replacedAt = new Map(edits.map(({ version, since }) => [version - 1, since]))
  const demands = samples.filter(isAcknowledged).map(({ field, sentAt, doneAt }) => ({
    field,
    since: doneAt,
    least: versionAt(sentAt),
  }))
  const leastFor = ({ field: name, sentAt }: Sample): number => {
    const field = LOADED_FIELDS.find((loaded) => loaded.name === name)
    const changes = demands.filter(
      ({ field: changed }) => changed === name || (changed === EVERY_FIELD && field),
    )
    // An instance may answer from its memory for this long without asking Redis.
    const binding = sentAt - (field?.memoryTtl ?? 0) * 1_000
    return Math.max(0, ...changes.filter(({ since }) => since <= binding).map(({ least }) => least))
  }
  const isOld = (sample: Sample): boolean => {
    const { operation, version, cache, sentAt } = sample
    if (version === null || cache === 'degraded') return false
    if (operation === 'refresh') return version < versionAt(sentAt)
    const replaced = replacedAt.get(version) ?? Number.POSITIVE_INFINITY
    return version < leastFor(sample) || sentAt - replaced >= longestServed(sample)
  }
  return new Set(samples.filter(isOld))
}

/** The age in ms from which a value must not be answered with this status. */
function longestServed({ field: name, cache }: Sample): number {
  const field = LOADED_FIELDS.find((loaded) => loaded.name === name)
  if (field === undefined || (cache !== 'hit' && cache !== 'stale')) return Number.POSITIVE_INFINITY
  return (field.ttl + (cache === 'stale' ? (field.staleWhileRevalidate ?? 0) : 0)) * 1_000
}
