/** Which answers show less than the freshness contract demands. */
import { EVERY_FIELD, isAcknowledged, type Sample } from '../load'
import { LOADED_FIELDS } from '../names'
import type { Edit } from '../source'

/**
 * A fetch shows at least the version that the source was known to have when the fetch began. So the version that was
 * known when a refresh or an invalidation was asked for is the least that may be seen once that was acknowledged; and a
 * version that was replaced longer ago than its field lives cannot be a hit. `degraded` answers are outside of the
 * promise.
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
    const changes = demands.filter(({ field: of }) => of === name || (of === EVERY_FIELD && field))
    // Meanwhile an instance may answer from memory without asking.
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

/** From this age on, in ms, a value is not answered under that status. */
function longestServed({ field: name, cache }: Sample): number {
  const field = LOADED_FIELDS.find((loaded) => loaded.name === name)
  if (field === undefined || (cache !== 'hit' && cache !== 'stale')) return Number.POSITIVE_INFINITY
  return (field.ttl + (cache === 'stale' ? (field.staleWhileRevalidate ?? 0) : 0)) * 1_000
}
