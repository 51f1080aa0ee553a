/**
 * What one writes at first: a value under its key, one fetch per key in the process, deletion to invalidate. It is here
 * to be found wrong: properties that it satisfies would prove nothing.
 */

import { never } from '../../kit/clock/deferred'
import type { StartCache } from '../world/cacheUnderTest'
import { FETCH_TIMEOUT_MS } from '../world/times'
import type { Value } from '../world/value'

export const startNaiveCache: StartCache = ({ connection: { send }, fields }) => {
  const inFlight = new Map<string, Promise<Value>>()

  function fetchOnce({ key, ttl, fetcher }: (typeof fields)[number]): Promise<Value> {
    const running = inFlight.get(key)
    if (running !== undefined) return running
    const fetching = (async () => {
      const value = await fetcher({
        signal: new AbortController().signal,
        reason: 'miss',
        startedAt: 0,
        previous: async () => null,
        keep: () => undefined,
        remainingMs: () => FETCH_TIMEOUT_MS,
        resume: async () => null,
        startOver: () => undefined,
        pause: never,
      })
      await send('SET', key, JSON.stringify(value), 'EX', Number(ttl))
      return value
    })().finally(() => inFlight.delete(key))
    inFlight.set(key, fetching)
    return fetching
  }

  return {
    async read(field, force) {
      const text = force ? null : await send('GET', field.key)
      if (text !== null) return { data: JSON.parse(String(text)) as Value, status: 'hit' }
      return { data: await fetchOnce(field), status: force ? 'refreshed' : 'miss' }
    },
    async invalidateTags(tags) {
      const keys = fields.flatMap(({ key, tags: own }) =>
        own?.some((tag) => tags.includes(tag)) ? [key] : [],
      )
      if (keys.length > 0) await send('DEL', ...keys)
    },
    async invalidateField({ key }) {
      await send('DEL', key)
    },
  }
}
