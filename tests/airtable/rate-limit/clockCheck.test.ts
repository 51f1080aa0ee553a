/** What becomes of the request budget when the clock of Redis jumps, as when another server takes over. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClockWatch } from '@/lib/core-services/airtable/rate-limit/clockCheck'
import { createPermitRequest, GAP_MS, QUIET_MS } from '@/lib/core-services/airtable/rate-limit/limits'
import {
  createRateLimitStore,
  type RateLimitReply,
  type RateLimitStore,
} from '@/lib/core-services/airtable/rate-limit/rateLimitStore'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { manualClock } from '@/lib/testing/clock'
import { type LuaRedis, startLuaRedis } from '../../kit/redis/luaRedis'

const START = Date.UTC(2026, 0, 1)
const keys = createKeySpace({ prefix: 'sim', version: 'v1', maxLength: 250 })

let redis: LuaRedis
let store: RateLimitStore
let now: number

beforeAll(async () => {
  redis = await startLuaRedis()
})
beforeEach(() => {
  now = START
  redis.reset(() => now)
  store = createRateLimitStore({ send: redis.send, keys })
})

const take = (ticket: string, back: string[] = []) =>
  store.exchange({
    quietMs: QUIET_MS,
    back: back.map((one) => ({ base: 'app1', ticket: one, gap: GAP_MS, works: true })),
    cool: [],
    take: createPermitRequest({ base: 'app1', ticket, background: false, pageTimeoutMs: 10_000 }),
  })

/** Asks until there is a permit. Answers how long that took. */
async function waitFor(ticket: string, back: string[] = []): Promise<number> {
  let waited = 0
  let reply: RateLimitReply = await take(ticket, back)
  while (reply.kind === 'later' && waited < 120_000) {
    waited += reply.ms
    now += reply.ms
    reply = await take(ticket)
  }
  return reply.kind === 'granted' ? waited + reply.ms : Number.POSITIVE_INFINITY
}

async function fillUp(): Promise<string[]> {
  await take('first')
  now += 10_000
  const tickets = ['a', 'b', 'c', 'd', 'e']
  for (const ticket of tickets) await take(ticket)
  return tickets
}

describe.each([400, 60_000, 86_400_000])('a clock that goes back by %i ms', (by) => {
  it('a clock that goes back holds back no returned permit', async () => {
    const out = await fillUp()
    now -= by
    expect(await waitFor('next', out)).toBeLessThan(5_000)
  })

  it('a clock that goes back frees no taken permit', async () => {
    await fillUp()
    now -= by
    expect(await take('next')).toMatchObject({ kind: 'later' })
  })

  it('a clock that goes back does not extend the pause after a loss', async () => {
    await take('t')
    now -= by
    expect(await waitFor('t')).toBeLessThan(5_000)
  })

  it('a clock that goes back does not extend a cool-down', async () => {
    const cool = [{ base: 'app1', kind: 'rate-limit' as const, ms: 30_000, foregroundMs: 30_000 }]
    await store.exchange({ quietMs: 0, back: [], cool })
    now -= by
    expect(await take('next')).toEqual({ kind: 'cooling', why: 'rate-limit', ms: 30_000 })
    expect(await store.readBases()).toMatchObject([{ coolDown: { seconds: 30 } }])
  })

  it('a clock that goes back shows no base as in use for too long', async () => {
    const out = await fillUp()
    await store.exchange({
      quietMs: 0,
      back: out.map((ticket) => ({ base: 'app1', ticket, gap: GAP_MS, works: true })),
      cool: [],
    })
    now -= by
    expect(await store.readBases()).toMatchObject([{ inUse: 5 }])
    await store.exchange({
      quietMs: 0,
      back: [],
      cool: [],
      take: createPermitRequest({ base: 'app2', ticket: 'x', background: false, pageTimeoutMs: 10_000 }),
    })
    now += GAP_MS
    expect((await store.readBases()).find(({ base }) => base === 'app1')).toBeUndefined()
  })
})

describe('a jump ahead that an instance has noticed', () => {
  const jumped = { from: 0, to: 60_000 }
  const report = (ticket: string) =>
    store.exchange({
      quietMs: QUIET_MS,
      back: [],
      cool: [],
      jumped,
      take: createPermitRequest({ base: 'app1', ticket, background: false, pageTimeoutMs: 10_000 }),
    })

  beforeEach(async () => {
    await waitFor('first')
    now += 60_000
  })

  it('after a jump ahead no request is sent until earlier ones must have arrived', async () => {
    await report('t')
    expect(await waitFor('next')).toBeGreaterThanOrEqual(QUIET_MS)
  })

  it('a jump ahead delays the permit that was just given', async () => {
    expect(await take('t')).toEqual({ kind: 'granted', ms: 0 })
    expect(await report('t')).toEqual({ kind: 'granted', ms: QUIET_MS })
  })

  it('a jump ahead counts once, however many instances report it', async () => {
    await report('one')
    now += 2_000
    await report('two')
    expect(await waitFor('three')).toBeLessThanOrEqual(QUIET_MS - 2_000)
  })
})

describe('an instance that compares the clock of Redis with its own', () => {
  function watching() {
    const clock = manualClock()
    const watch = createClockWatch(clock)
    let at = START
    const instant = () => ({ monotonic: clock.monotonic(), wall: clock.now() })
    return {
      watch,
      /** Both go on. */
      pass(milliseconds: number) {
        clock.advance(milliseconds)
        at += milliseconds
      },
      jump(milliseconds: number) {
        at += milliseconds
      },
      answer: (skew = 0, sentAt = instant()) => watch.compare({ at, skew }, sentAt),
      instant,
    }
  }

  it('a jump ahead is noticed, and answers are not used until Redis knows of it', () => {
    const { answer, pass, jump } = watching()
    answer()
    pass(3_600_000)
    expect(answer()).toBeUndefined()
    jump(60_000)
    expect(answer()).toEqual({ from: 0, to: 60_000 })
    pass(50)
    expect(answer()).toEqual({ from: 0, to: 60_000 })
    expect(answer(60_000)).toBeUndefined()
    // An answer that was given before Redis knew, and comes after one that was given later.
    expect(answer(0)).toEqual({ from: 0, to: 60_000 })
    pass(1_000)
    expect(answer(60_000)).toBeUndefined()
  })

  it('an idle hour, a slow network and a clock that goes back are no jump ahead', () => {
    const { answer, pass, jump, instant } = watching()
    const sentAt = instant()
    pass(9_000)
    answer(0, sentAt)
    pass(3_600_000)
    jump(3_000)
    expect(answer()).toBeUndefined()
    jump(-60_000)
    expect(answer(-60_000)).toBeUndefined()
    pass(1_000)
    expect(answer(-60_000)).toBeUndefined()
  })
})
