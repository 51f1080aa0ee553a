/**
 * Whatever numbers an option, a fetcher or a value tells: they are refused by name, or everything works and Redis, which
 * refuses what is no whole number of its range, refuses nothing.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import type {
  FetchContext,
  FieldCacheConfig,
  ValueMetadata,
} from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { codedError, isCodedError } from '@/lib/shared/errors'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '@/tests/kit/fields/fieldProcess'
import { expectShare, numberOfRuns } from '@/tests/kit/simulation/runs'

const RUNS = numberOfRuns(500)
const HOUR = 3_600_000

/** Those that are meant now and then, and slips of units, of divisions and of what was never set. */
const odd = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(100, 45, 60, 3_600, 86_400) },
  fc.constantFrom(
    0,
    -0,
    -1,
    0.5,
    1 / 3,
    22.5,
    40_000 / 3,
    1e-7,
    2 ** 31,
    2 ** 31 + 0.5,
    2 ** 53,
    1e21,
    1e300,
  ),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324),
  fc.double(),
  fc.integer(),
)
const maybe = fc.option(odd, { nil: undefined })
/** About now, of either unit, or odd. */
const time = fc.oneof(
  fc.integer({ min: -HOUR, max: HOUR }).map((ms) => Date.now() + ms),
  fc.integer({ min: -3_600, max: 3_600 }).map((s) => Date.now() / 1000 + s),
  maybe,
)

const options = fc.record(
  {
    ttl: odd,
    staleWhileRevalidate: odd,
    staleIfError: odd,
    memoryTtl: odd,
    anonymousForce: odd,
    refreshEvery: odd,
  },
  { requiredKeys: [] },
)
const advanced = fc.record({ timeoutMs: odd, softTimeoutMs: odd, negativeTtl: odd }, { requiredKeys: [] })
const told = fc.record(
  { endsAt: time, fetchedAt: time, expiresAt: time, retryAfter: maybe },
  { requiredKeys: [] },
)

const test = await createTestCache()
const refusals = () => test.events.of('redis.degraded').map(({ message }) => message)

it('numbers in the options of a field are refused by name, or work', async () => {
  let worked = 0
  await fc.assert(
    fc.asyncProperty(options, advanced, fc.constantFrom('v', null), async (given, inner, value) => {
      test.reset()
      const config: FieldCacheConfig<string | null> = {
        ...field(async () => value),
        ...given,
        advanced: inner,
      }
      try {
        await test.read(config)
        await test.read(config, 'anonymous')
        await forceRefresh(test.runtime, config, 'force')
        expect((await test.read(config)).status).toBe('hit')
        await invalidateField(config, test.runtime)
        await test.backgroundWork()
        worked += 1
      } catch (error) {
        if (!isCodedError(error)) throw error
        const [, option = ''] = /: (?:advanced\.)?(\w+) is /.exec(error.message) ?? []
        expect([error.code, Object.keys({ ...given, ...inner })]).toEqual([
          'FIELD_INVALID',
          expect.arrayContaining([option]),
        ])
      }
      expect(refusals()).toEqual([])
    }),
    { numRuns: RUNS },
  )
  expectShare('worked', 1 / 20, worked, RUNS)
})

it('times that a fetch tells fail it as a fault of the source, or work', async () => {
  let worked = 0
  await fc.assert(
    fc.asyncProperty(told, async ({ expiresAt, retryAfter, ...kept }) => {
      test.reset()
      const fetcher = async ({ keep }: FetchContext) => {
        keep(kept as ValueMetadata)
        if (retryAfter !== undefined) throw codedError('SHOP_BUSY', 'busy', { retryAfter })
        return 'v'
      }
      const config = field(fetcher, { ttl: 'forever', advanced: { expiresAt: () => expiresAt } })
      const read = () => test.read(config).then(({ status }) => status)
      const first = await read().catch((error: unknown) => error)
      await test.backgroundWork()
      if (first === 'miss') worked += 1
      else expect(first).toMatchObject({ code: expect.stringMatching(/^SOURCE_(INVALID|FAILED)$/) })
      // A lease that is given back is gone after a moment, which has to pass.
      test.clock.advance(10)
      await read().catch(() => undefined)
      await test.backgroundWork()
      expect(refusals()).toEqual([])
      // However badly it was told: the next fetch is asked for a day later at the latest.
      test.clock.advance(86_400_001)
      const later = field(async () => 'later', { ttl: 'forever', memoryTtl: 0 })
      expect(await test.read(later, 'always')).toMatchObject({ data: 'later' })
      expect(await test.read(later)).toMatchObject({ status: 'hit' })
    }),
    { numRuns: RUNS },
  )
  expectShare('worked', 1 / 20, worked, RUNS)
})

it('numbers in the options of cacheAside and of commands are refused by name, or work', async () => {
  const aside = createCacheAside(() => test.runtime)
  const asideOptions = fc.record(
    { ttl: odd, staleWhileRevalidate: fc.oneof(odd, fc.constant(true as const)), staleMarkerTtl: odd },
    { requiredKeys: [] },
  )
  const expiry = fc.oneof(
    odd,
    ...(['ex', 'px', 'exat', 'pxat'] as const).map((name) => time.map((value) => ({ [name]: value }))),
  )
  const refused = (error: unknown) => {
    if (!isCodedError(error) || !/^(OPTIONS|LOCK)_INVALID$/.test(error.code)) throw error
  }
  await fc.assert(
    fc.asyncProperty(asideOptions, expiry, odd, async (given, until, seconds) => {
      test.reset()
      await aside.get('k', async () => 1, given).catch(refused)
      await test.cache.set('s', 1, until).catch(refused)
      await test.cache.expire('s', seconds).catch(refused)
      await test.cache.lock.withLock('l', async () => 1, seconds).catch(refused)
      expect(refusals()).toEqual([])
    }),
    { numRuns: RUNS },
  )
})
