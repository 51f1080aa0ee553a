import type { Clock } from '../../../shared/clock'
import { sourceInvalid } from '../errors'

/** Resolves with a value for each key, in their order. */
export type BatchSource<T> = (
  missingKeys: string[],
  context: { signal: AbortSignal },
) => Promise<readonly (T | null | undefined)[]>

export interface BatchLoader<T> {
  /** Null when the source has none. */
  ask(key: string, signal: AbortSignal): Promise<T | null>
  expectNoMore(key: string): void
}

interface PendingKey<T> {
  key: string
  signal: AbortSignal
  resolve(value: T | null): void
  reject(error: unknown): void
}

/**
 * How long the first fetches wait for keys that are still being looked up, in ms: enough for two parallel requests to
 * Redis. A key that another instance or caller fetches never joins.
 */
const GATHERING_MS = 20

/** `keys`: those that may join. `name`: of the source in errors. */
export function createBatchLoader<T>(
  keys: readonly string[],
  source: BatchSource<T>,
  { clock, name }: { clock: Pick<Clock, 'sleep'>; name: string },
): BatchLoader<T> {
  const expected = new Set(keys)
  let asked: PendingKey<T>[] = []
  let timer: AbortController | undefined

  async function waitForOthers(): Promise<void> {
    const own = new AbortController()
    timer = own
    await clock.sleep(GATHERING_MS, own.signal)
    if (!own.signal.aborted) await callSource()
  }

  async function callSource(): Promise<void> {
    const batch = asked
    asked = []
    timer?.abort()
    timer = undefined
    const last = batch.at(-1)
    if (!last) return
    try {
      // The last one has the latest deadline.
      const values = await source(
        batch.map(({ key }) => key),
        { signal: last.signal },
      )
      if (!Array.isArray(values)) throw sourceInvalid(name, 'its answer is no list')
      if (values.length !== batch.length)
        throw sourceInvalid(name, `it answered ${values.length} values for ${batch.length} keys`)
      for (const [index, { resolve }] of batch.entries()) resolve(values[index] ?? null)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  function callWhenComplete(): void {
    if (expected.size === 0 && asked.length > 0) void callSource()
  }

  return {
    ask: (key, signal) =>
      new Promise((resolve, reject) => {
        asked.push({ key, signal, resolve, reject })
        expected.delete(key)
        if (!timer) void waitForOthers()
        callWhenComplete()
      }),
    expectNoMore(key) {
      expected.delete(key)
      callWhenComplete()
    },
  }
}
