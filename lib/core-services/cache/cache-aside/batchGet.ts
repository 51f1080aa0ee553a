/** One call of the source fetches all missing keys, under the tokens and lease of each. */

import { readFieldCache } from '../fieldCacheService'
import type { AsideRuntime } from '../fields/fieldRuntime'
import { chunked } from '../redis/chunk'
import { asideField, type CacheAsideOptions, DEFAULT_NAME } from './asideField'
import { type BatchSource, createBatchLoader } from './batchLoader'

/** Leaves the source room for other callers. */
const CHUNKS_AT_A_TIME = 4

export async function batchGet<T>(
  runtime: AsideRuntime,
  keys: readonly string[],
  source: BatchSource<T>,
  options: CacheAsideOptions<T | null>,
): Promise<(T | null)[]> {
  const values = new Map<string, T | null>()
  const chunks = chunked([...new Set(keys)], runtime.batchSize)
  for (const some of chunked(chunks, CHUNKS_AT_A_TIME)) {
    const read = await Promise.all(some.map((chunk) => readChunk(runtime, chunk, source, options)))
    for (const [key, value] of read.flat()) values.set(key, value)
  }
  return keys.map((key) => values.get(key) ?? null)
}

/** Reads of the same tick share one MGET, and their fills share requests. */
function readChunk<T>(
  runtime: AsideRuntime,
  keys: readonly string[],
  source: BatchSource<T>,
  options: CacheAsideOptions<T | null>,
): Promise<[key: string, value: T | null][]> {
  const { clock } = runtime.ports
  const batchLoader = createBatchLoader(keys, source, { clock, name: options.name ?? DEFAULT_NAME })
  const readKey = async (key: string): Promise<[string, T | null]> => {
    // A stale key is still fetched, in the background.
    let refreshing = false
    try {
      const field = asideField(key, ({ signal }) => batchLoader.ask(key, signal), options)
      const { data, status } = await readFieldCache(field, 'never', runtime)
      refreshing = status === 'stale'
      return [key, data]
    } finally {
      if (!refreshing) batchLoader.expectNoMore(key)
    }
  }
  return Promise.all(keys.map(readKey))
}
