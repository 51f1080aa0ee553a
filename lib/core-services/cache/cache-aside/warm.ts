import { getErrorCode } from '../../../shared/errors'
import { readFieldCache } from '../fieldCacheService'
import type { FetchContext } from '../fields/fieldConfig'
import type { AsideRuntime } from '../fields/fieldRuntime'
import { chunked } from '../redis/chunk'
import { asideField, type CacheAsideOptions } from './asideField'

export interface WarmItem<T = unknown> {
  key: string
  loader: (context: FetchContext) => Promise<T>
  options?: CacheAsideOptions<T>
}

/**
 * `filled`: fetched, here or by a faster caller. `refreshing`: stale, and being fetched in the background.
 * `not-stored`: fetched, but Redis did not store it.
 */
export type WarmOutcome = { key: string } & (
  | { outcome: 'fresh' | 'filled' | 'refreshing' | 'not-stored' }
  | { outcome: 'failed'; code: string }
)

/** Leaves the source room for waiting callers. */
const AT_A_TIME = 5

export async function warm(runtime: AsideRuntime, items: readonly WarmItem[]): Promise<WarmOutcome[]> {
  const outcomes: WarmOutcome[] = []
  for (const some of chunked(items, AT_A_TIME))
    outcomes.push(...(await Promise.all(some.map((item) => warmOne(runtime, item)))))
  return outcomes
}

async function warmOne(runtime: AsideRuntime, { key, loader, options }: WarmItem): Promise<WarmOutcome> {
  try {
    const read = await readFieldCache(asideField(key, loader, options), 'never', runtime)
    const { status, notStored = false } = read
    if (status === 'hit') return { key, outcome: 'fresh' }
    if (status === 'stale') return { key, outcome: 'refreshing' }
    if (notStored) return { key, outcome: 'not-stored' }
    if (status === 'degraded') return { key, outcome: 'failed', code: 'SOURCE_FAILED' }
    return { key, outcome: 'filled' }
  } catch (error) {
    if (runtime.ports.isControlFlow(error)) throw error
    return { key, outcome: 'failed', code: getErrorCode(error) }
  }
}
