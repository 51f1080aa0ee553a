/** What the events of a cache say about a run. */
import type { FieldCacheEvent } from '@/lib/shared/events'
import type { Coincidence, History } from './history'

export function noticeIn({ during, failedPurges }: History, event: FieldCacheEvent, process: number): void {
  if (event.type === 'redis.degraded' && event.operation === 'purge')
    failedPurges.set(process, (failedPurges.get(process) ?? 0) + 1)
  const what = coincidenceOf(event)
  if (what) during[what] = true
}

function coincidenceOf(event: FieldCacheEvent): Coincidence | undefined {
  if (event.type === 'field.lookup' && event.at === 'memory') {
    return event.found === 'degraded'
      ? 'an answer from memory while Redis is not there'
      : 'an answer from memory'
  }
  if (event.type === 'field.lookup' && event.at === 'tokens') {
    return event.found === 'fresh' ? 'a copy that its tokens prove' : 'a copy that its tokens disprove'
  }
  if (event.type === 'tags.disagreed') return 'an entry under tags that its reader does not name'
  if (event.type === 'refresh.resumed') return 'a fetch that goes on where another has stopped'
  const skipped = event.type === 'refresh.skipped' && event.why === 'dependencies-changed'
  return skipped ? 'dependencies invalidated during the fetch' : undefined
}
