import { vi } from 'vitest'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import type { CacheConfig } from '@/lib/core-services/cache/settings/cacheConfig'
import { type Clock, systemClock } from '@/lib/shared/clock'
import { deferred } from '../kit/clock/deferred'
import { type FieldProcess, field, startFieldProcess } from '../kit/fields/fieldProcess'
import type { TestRedis } from '../kit/redis/testRedis'

/** An instance whose clocks, connection and background work are the test's to direct. */
export interface Instance extends FieldProcess {
  /** Lets time pass for this instance: both of its clocks go on. */
  pass(seconds: number): void
  /** Sets its wall clock wrong. */
  skew(seconds: number): void
  /** Runs what it had put off until after its answers. */
  finishBackgroundWork(): Promise<void>
}

export async function startInstance(
  redis: Pick<TestRedis, 'url' | 'token'>,
  settings: Partial<CacheConfig> = {},
): Promise<Instance> {
  let passedMs = 0
  let skewMs = 0
  let background: (() => Promise<void>)[] = []
  const clock: Clock = {
    now: () => systemClock.now() + passedMs + skewMs,
    monotonic: () => systemClock.monotonic() + passedMs,
    sleep: systemClock.sleep,
  }
  const defer = (work: () => Promise<void>) => {
    background.push(work)
  }
  const process = await startFieldProcess(redis, { cache: settings, ports: { clock, defer } })
  return {
    ...process,
    pass: (seconds) => {
      passedMs += seconds * 1000
    },
    skew: (seconds) => {
      skewMs = seconds * 1000
    },
    async finishBackgroundWork() {
      const work = background
      background = []
      await Promise.all(work.map((run) => run()))
    },
  }
}

/** A source whose first answer is slow: it brings what the source held when it was asked. */
export function slowSource(rest: Partial<FieldCacheConfig<string>> = {}) {
  const gate = deferred<void>()
  const source = { value: 'old' }
  const fetcher = vi.fn(async () => {
    const { value } = source
    if (fetcher.mock.calls.length === 1) await gate.promise
    return value
  })
  return {
    config: field(fetcher, rest),
    fetcher,
    /** What it answers from now on. */
    set: (value: string) => {
      source.value = value
    },
    /** The first answer comes now. */
    answer: () => gate.resolve(),
  }
}
