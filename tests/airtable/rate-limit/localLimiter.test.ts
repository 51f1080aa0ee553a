import { describe, expect, it } from 'vitest'
import {
  createLocalLimiter,
  type LocalLimiter,
  type LocalPermit,
} from '@/lib/core-services/airtable/rate-limit/localLimiter'
import { alarmClock } from '@/lib/testing/clock'

const GAP_MS = 1_025
const HOLD_MS = 11_025

function start({ perBase = 5, perToken = 50 } = {}) {
  const clock = alarmClock()
  return { clock, permits: createLocalLimiter({ perBase, perToken, holdMs: HOLD_MS }, clock) }
}

/** All that have got a permit once what is due has happened, in their order. */
async function settled(): Promise<void> {
  await new Promise(setImmediate)
}

function takeMany(permits: LocalLimiter, count: number, base = 'app1', signal?: AbortSignal) {
  const got: LocalPermit[] = []
  for (let index = 0; index < count; index += 1)
    void permits.take(base, signal).then((permit) => permit && got.push(permit))
  return got
}

describe('the permits of a process', () => {
  it('a process has five permits for a base; one is free again a gap after its response', async () => {
    const { clock, permits } = start()
    const got = takeMany(permits, 7)
    await settled()
    expect(got).toHaveLength(5)
    got[0]?.back(GAP_MS)
    clock.advance(GAP_MS - 1)
    await settled()
    expect(got).toHaveLength(5)
    clock.advance(1)
    await settled()
    expect(got).toHaveLength(6)
  })

  it('a local permit comes back by itself when its request has no response', async () => {
    const { clock, permits } = start()
    const got = takeMany(permits, 6)
    clock.advance(HOLD_MS - 1)
    await settled()
    expect(got).toHaveLength(5)
    clock.advance(1)
    await settled()
    expect(got).toHaveLength(6)
  })

  it('an unused local permit is free at once', async () => {
    const { permits } = start()
    const got = takeMany(permits, 6)
    await settled()
    got[0]?.back(0)
    await settled()
    expect(got).toHaveLength(6)
  })

  it('bases do not wait for each other below the limit of the token', async () => {
    const { clock, permits } = start({ perToken: 6 })
    const first = takeMany(permits, 5, 'app1')
    const second = takeMany(permits, 5, 'app2')
    await settled()
    expect([first.length, second.length]).toEqual([5, 1])
    first[0]?.back(GAP_MS)
    clock.advance(GAP_MS)
    await settled()
    expect([first.length, second.length]).toEqual([5, 2])
  })

  it('local permits are given in the order of the calls, without aborted ones', async () => {
    const { permits } = start({ perBase: 1 })
    const order: string[] = []
    const gone = new AbortController()
    const held = await permits.take('app1')
    const patient = async (name: string, signal?: AbortSignal) => {
      const permit = await permits.take('app1', signal)
      order.push(permit ? name : `${name} has gone`)
      permit?.back(0)
    }
    const all = [patient('one'), patient('two', gone.signal), patient('three')]
    gone.abort()
    held?.back(0)
    await Promise.all(all)
    expect(order).toEqual(['two has gone', 'one', 'three'])
  })

  it('an aborted call gets no local permit', async () => {
    const { permits } = start()
    expect(await permits.take('app1', AbortSignal.abort())).toBeUndefined()
    const got = takeMany(permits, 6)
    await settled()
    expect(got).toHaveLength(5)
  })
})
