import { beforeAll, describe, expect, it } from 'vitest'
import { createPermitRequest } from '@/lib/core-services/airtable/rate-limit/limits'
import { createRateLimitStore } from '@/lib/core-services/airtable/rate-limit/rateLimitStore'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { type LuaRedis, startLuaRedis } from '../../kit/redis/luaRedis'
import { CALM, type Caller, densest, type LimiterHistory, liveOnLimiter } from './world'

let redis: LuaRedis

beforeAll(async () => {
  redis = await startLuaRedis()
})

/** The script alone. */
function bareBudget() {
  let now = 1_000_000
  redis.reset(() => now)
  const keys = createKeySpace({ prefix: 'sim', version: 'v1', maxLength: 250 })
  const store = createRateLimitStore({ send: redis.send, keys })
  return {
    ask: (ticket: string) =>
      store.exchange({
        quietMs: 0,
        back: [],
        cool: [],
        take: createPermitRequest({ base: 'app1', ticket, background: false, pageTimeoutMs: 60_000 }),
      }),
    back: (ticket: string, gap: number) =>
      store.exchange({ quietMs: 0, back: [{ base: 'app1', ticket, gap, works: true }], cool: [] }),
    pass(milliseconds: number) {
      now += milliseconds
    },
  }
}

/** A caller of one request; the next one comes from another process. */
function caller(number: number, startsAt: number, rest: Partial<Caller> = {}): Caller {
  const one = { base: 'app1', background: false, pages: 1, diesAfter: null, patienceMs: null }
  return { ...one, process: number % 3, startsAt, ...rest }
}

const liveThrough = (callers: readonly Caller[]): Promise<LimiterHistory> =>
  liveOnLimiter({ ...CALM, callers, delays: [5, 20, 10] }, redis)

const positionIn = ({ arrivals }: LimiterHistory, wanted: Caller) =>
  arrivals.findIndex(({ caller: sender }) => sender === wanted)

describe('the line for permits', () => {
  it('the queue serves in the order of arrival, except for the five that go together', async () => {
    const callers = Array.from({ length: 40 }, (_, number) => caller(number, number * 30))
    const history = await liveThrough(callers)
    const places = callers.map((one) => positionIn(history, one))
    for (const [came, place] of places.entries()) expect(Math.abs(place - came)).toBeLessThanOrEqual(5)
  })

  it('the queue keeps no place for a caller that does not ask again', async () => {
    const { ask, back, pass } = bareBudget()
    for (const ticket of ['1', '2', '3', '4', '5']) await ask(ticket)
    const waiting = await ask('dead')
    await back('1', 0)
    expect(waiting.kind).toBe('later')
    expect((await ask('next')).kind).toBe('later')
    pass(5_000)
    expect(await ask('next')).toEqual({ kind: 'granted', ms: 0 })
  })
})

describe('more requests than permits, as there may be after a loss', () => {
  it('after a loss all extra requests end before the next one is sent', async () => {
    const { ask, back, pass } = bareBudget()
    await ask('known 1')
    await ask('known 2')
    for (const ticket of ['lost 1', 'lost 2', 'lost 3', 'lost 4', 'lost 5']) {
      await back(ticket, 1_000)
      pass(10)
    }
    // Five are busy when the third of those that were lost is free again.
    expect(await ask('next')).toEqual({ kind: 'granted', ms: 970 })
    expect(await ask('and next')).toEqual({ kind: 'granted', ms: 980 })
  })
})

describe('a permit whose request was given up', () => {
  it('the permit of an aborted request is not promised before it is nearly free', async () => {
    const { ask, back, pass } = bareBudget()
    for (const ticket of ['1', '2', '3', '4', '5']) await ask(ticket)
    for (const ticket of ['1', '2', '3', '4', '5']) await back(ticket, 3_025)
    expect((await ask('next')).kind).toBe('later')
    pass(2_000)
    expect(await ask('next')).toEqual({ kind: 'granted', ms: 1_025 })
  })
})

describe('background', () => {
  it('a background request yields to requests that come within 5 s after it, and to no others', async () => {
    // More than the limit lets through, for 20 s.
    const pressure = Array.from({ length: 140 }, (_, number) => caller(number, number * 140))
    const background = caller(0, 8_000, { background: true })
    const history = await liveThrough([...pressure, background])
    const before = pressure.filter(({ startsAt }) => startsAt <= 13_000).length
    // But for the five that go together.
    expect(Math.abs(positionIn(history, background) - before)).toBeLessThanOrEqual(5)
    expect(history.finished).toBe(141)
  })

  it('a background request leaves a permit to others for its first 5 s', async () => {
    const background = Array.from({ length: 5 }, (_, number) => caller(number, 0, { background: true }))
    const foreground = caller(0, 100)
    const history = await liveThrough([...background, foreground])
    expect(positionIn(history, foreground)).toBeLessThanOrEqual(4)
    expect(history.arrivals.find(({ caller: sender }) => sender === foreground)?.at).toBeLessThan(200)
  })
})

describe('the limit of the token', () => {
  it('all bases together get at most 50 requests in any second', async () => {
    const callers = Array.from({ length: 140 }, (_, number) =>
      caller(number, 0, { base: `app${number % 14}` }),
    )
    const history = await liveThrough(callers)
    expect(densest(history)).toBe(50)
    expect(history.finished).toBe(140)
  })
})
