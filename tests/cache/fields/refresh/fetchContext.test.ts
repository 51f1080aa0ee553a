import { describe, expect, test } from 'vitest'
import type { FetchContext, Previous, ValueMetadata } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { field, processForEachTest, storedEntry } from '@/tests/kit/fields/fieldProcess'
import { redisForThisFile } from '@/tests/kit/redis/redisSuite'

const app = processForEachTest(redisForThisFile())

/** A field that counts its fetches, keeps something with each value and remembers what stood before. */
function remembering(about: (fetches: number) => ValueMetadata, rest = {}) {
  const before: (Previous | null)[] = []
  const fetcher = async (context: FetchContext) => {
    before.push(await context.previous())
    context.keep(about(before.length))
    return [`value ${before.length}`]
  }
  return { before, config: field(fetcher, rest) }
}
const read = (config: ReturnType<typeof field>, force = false) => app.read(config, force ? 'always' : 'never')

describe('the previous value', () => {
  test('a fetch gets the previous value, its note and its time', async () => {
    const { before, config } = remembering((fetches) => ({ note: `note ${fetches}` }))

    await read(config)
    await read(config, true)

    expect(before).toEqual([
      null,
      { value: ['value 1'], note: 'note 1', fetchedAt: expect.any(Number), endsAt: undefined },
    ])
  })

  test('a fetch gets no previous value once it was invalidated', async () => {
    const { before, config } = remembering(() => ({}))

    await read(config)
    await invalidateField(config, app.runtime)
    await read(config)

    expect(before).toEqual([null, null])
  })
})

describe('metadata of a fetched value', () => {
  test('a value that its fetcher calls older than the fetch counts its age from then', async () => {
    const { config } = remembering(() => ({ fetchedAt: Date.now() - 30_000 }))

    await read(config)

    expect((await read(config)).age).toBeGreaterThanOrEqual(30)
  })

  test('a fetcher cannot call its value younger than the fetch', async () => {
    const { config } = remembering(() => ({ fetchedAt: Date.now() + 60_000 }))

    await read(config)

    expect((await storedEntry(app.runtime, config.key))?.fetchedAt).toBeLessThanOrEqual(Date.now())
  })

  test('a fetcher can end its value before the ttl', async () => {
    const { config } = remembering(() => ({ endsAt: Date.now() + 20_000 }), {
      staleIfError: 600,
      advanced: { expiresAt: () => Date.now() + 40_000 },
    })

    await read(config)

    const ends = (await storedEntry(app.runtime, config.key))?.endMs ?? 0
    expect(Math.round(ends / 1000)).toBe(20)
  })

  test('a note over 4,000 characters is refused', async () => {
    const { config } = remembering(() => ({ note: 'x'.repeat(4_001) }))
    await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_INVALID' })
  })
})
