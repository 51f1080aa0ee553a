import { beforeEach, describe, expect, it } from 'vitest'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { createTestCache } from '@/lib/testing/testCache'
import { versionedField } from '../../../kit/fields/versionedField'

const { people, source, calls, reset } = versionedField()

beforeEach(reset)

describe('a Redis that answers after 300 ms', () => {
  it('a Redis that answers after 300 ms costs one fetch for 480 reads, and none of them fails', async () => {
    const test = await createTestCache()
    test.slow(300)
    const statuses = new Map<string, number>()
    for (let count = 0; count < 480; count += 1) {
      const { data, status } = await test.read(people)
      expect(data).toBe('v1')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      test.clock.advance(1_000)
    }
    expect(calls()).toBe(1)
    expect(test.cache.breaker.state).toBe('closed')
    expect(test.cache.breaker.transitions).toEqual([])
  })
})

describe('a Redis that hangs', () => {
  /** Holds each later request until the test releases it. */
  async function hanging() {
    let hangs = false
    let refuses = false
    const held: (() => void)[] = []
    const started = await createTestCache()
    const shared = started.runtime.ports.fetch
    const process = await started.another({
      ports: {
        fetch: async (url, init) => {
          if (refuses)
            return Response.json({ error: 'ERR max daily request limit exceeded' }, { status: 429 })
          if (hangs) await new Promise<void>((resolve) => held.push(resolve))
          return shared(url, init)
        },
      },
    })
    return {
      clock: started.clock,
      read: (config = people) => process.read(config),
      invalidate: () => invalidateTags(['people'], started.runtime),
      hang: () => {
        refuses = false
        hangs = true
      },
      refuse: () => {
        refuses = true
      },
      held,
      async answer() {
        hangs = false
        for (const go of held.splice(0)) go()
        await started.backgroundWork()
      },
    }
  }

  it('a reader with a copy waits 250 ms for a Redis that hangs, later ones do not wait, and one request goes on for all', async () => {
    const { clock, read, hang, held } = await hanging()
    await read()
    clock.advance(2_000)
    hang()
    const first = read()
    await expect.poll(() => clock.sleepers).toBe(1)
    clock.advance(249)
    await new Promise(setImmediate)
    expect(clock.sleepers).toBe(1)
    clock.advance(1)
    expect(await first).toMatchObject({ data: 'v1', status: 'degraded' })
    for (let count = 0; count < 20; count += 1) expect((await read()).status).toBe('degraded')
    expect([held.length, clock.sleepers, calls()]).toEqual([2, 0, 1])
  })

  it('the first reader after a pause waits up to the hard deadline, because its connection may be new', async () => {
    const { clock, read, hang } = await hanging()
    await read()
    clock.advance(6_000)
    hang()
    const first = read()
    await expect.poll(() => clock.sleepers).toBe(1)
    clock.advance(1_499)
    await new Promise(setImmediate)
    expect(clock.sleepers).toBe(1)
    clock.advance(1)
    expect((await first).status).toBe('degraded')
  })

  it('no reader waits for a Redis that hangs after it has refused everything', async () => {
    const { clock, read, refuse, hang, held } = await hanging()
    await read()
    clock.advance(2_000)
    refuse()
    const first = read()
    await expect
      .poll(() => {
        clock.advance(10)
        return Promise.race([first, null])
      })
      .toMatchObject({ status: 'degraded' })
    hang()
    for (let count = 0; count < 20; count += 1) expect((await read()).status).toBe('degraded')
    expect(held.length).toBe(1)
    expect(calls()).toBe(1)
  })

  it('a late answer confirms or drops a copy after its reader has stopped waiting', async () => {
    const { clock, read, hang, answer, invalidate } = await hanging()
    await read()
    for (const [status, data] of [
      ['hit', 'v1'],
      ['miss', 'v2'],
    ]) {
      clock.advance(2_000)
      hang()
      const late = read()
      await expect.poll(() => clock.sleepers).toBe(1)
      clock.advance(250)
      expect((await late).status).toBe('degraded')
      if (status === 'miss') await invalidate()
      source.version = 2
      await answer()
      await expect.poll(() => read()).toMatchObject({ status, data })
    }
  })
})
