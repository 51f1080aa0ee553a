import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterFailure,
  afterSync,
  isAbandoned,
  nextSync,
  parseQueue,
  type QueueState,
} from '@/lib/core-services/airtable/webhooks/recheckQueue'

const NOW = Date.UTC(2026, 0, 10)
const WAIT = 2_100
const empty: QueueState = { base: 'app1', announced: 0, settled: 0, rechecks: [], failures: 0, notBefore: 0 }

/** First looks, each some ms after the one before, that ask for a second one. */
const looks = fc.array(fc.record({ after: fc.nat({ max: 1_500 }), again: fc.boolean() }), { maxLength: 30 })

describe('rechecks in a row', () => {
  it('every recheck runs after its time, and none is put off by later ones', () =>
    fc.assert(
      fc.property(looks, (asked) => {
        let queue = empty
        let now = NOW
        const waiting: { at: number; began: number }[] = []
        const takeWhatIsDue = (until: number) => {
          for (let look = nextSync(queue, until); look; look = nextSync(queue, until)) {
            if (look.at > until) return
            // What was asked for first is looked at no later than its time; what is not due stays for the next look.
            const began = Math.max(now, Math.min(...queue.rechecks.map(({ at }) => at)))
            for (const { at, began: since } of waiting.filter(({ at }) => at <= began)) {
              expect(began - at).toBeLessThanOrEqual(WAIT)
              expect(look.since).toBeLessThanOrEqual(since)
            }
            waiting.splice(0, waiting.length, ...waiting.filter(({ at }) => at > began))
            queue = afterSync(queue, { cause: 'recheck', began, recheckAt: undefined })
            now = began
          }
        }
        for (const { after, again } of asked) {
          const begins = now + after
          takeWhatIsDue(begins)
          now = begins
          if (again) waiting.push({ at: now + WAIT, began: now })
          queue = afterSync(queue, { cause: 'ping', began: now, recheckAt: again ? now + WAIT : undefined })
          expect(queue.rechecks.length).toBeLessThanOrEqual(2)
          const times = waiting.map(({ at }) => at)
          if (times.length > 0) {
            expect(queue.rechecks[0]?.at).toBeLessThanOrEqual(Math.min(...times) + WAIT)
            expect(queue.rechecks.at(-1)?.at).toBe(Math.max(...times))
          }
        }
        takeWhatIsDue(now + 10 * WAIT)
        expect(waiting).toEqual([])
        expect(nextSync(queue, now)).toBeNull()
      }),
    ))
})

describe('a table with syncEvery', () => {
  const REST = 10_000
  const pings = fc.array(fc.nat({ max: 8_000 }), { minLength: 1, maxLength: 40 })

  it('syncs of a table with syncEvery keep the pause, are not late, and leave out no ping', () =>
    fc.assert(
      fc.property(pings, (gaps) => {
        let queue = empty
        let now = NOW
        const began: number[] = []
        const lookUntil = (until: number) => {
          for (let look = nextSync(queue, now); look; look = nextSync(queue, now)) {
            now = Math.max(now, look.at)
            if (now > until) break
            expect(now).toBeLessThanOrEqual(Math.max(queue.announced, (began.at(-1) ?? 0) + REST))
            began.push(now)
            queue = afterSync(queue, { cause: 'ping', began: now, recheckAt: undefined, pauseMs: REST })
          }
          now = until
        }
        for (const gap of gaps) {
          lookUntil(now + gap)
          queue = { ...queue, announced: now }
        }
        lookUntil(now + 2 * REST)
        expect(queue.settled).toBe(queue.announced)
        for (const [index, at] of began.slice(1).entries())
          expect(at - (began[index] ?? 0)).toBeGreaterThanOrEqual(REST)
      }),
    ))

  it('a paused sync delays no recheck, and does not wait for the time of a wrong clock', () => {
    const resting: QueueState = { ...empty, announced: 9, pausedUntil: NOW + 5_000 }
    expect(nextSync(resting, NOW)).toEqual({ cause: 'ping', at: NOW + 5_000, since: 0 })
    const second = { at: NOW + 1_000, since: NOW }
    expect(nextSync({ ...resting, rechecks: [second] }, NOW)).toEqual({ cause: 'recheck', ...second })
    expect(nextSync({ ...resting, rechecks: [{ at: NOW + 6_000, since: NOW }] }, NOW)).toMatchObject({
      cause: 'ping',
    })
    expect(nextSync({ ...resting, pausedUntil: NOW + 3_600_000 }, NOW)).toMatchObject({
      cause: 'ping',
      at: 0,
    })
  })

  it('a paused sync does not count as abandoned before its time', () => {
    const resting: QueueState = { ...empty, announced: NOW, pausedUntil: NOW + 30_000 }
    expect([isAbandoned(resting, NOW + 39_999), isAbandoned(resting, NOW + 40_000)]).toEqual([false, true])
  })
})

describe('the next sync', () => {
  const later = [{ at: NOW, since: NOW - WAIT }]

  it('a recheck that is due goes first although pings keep coming', () => {
    expect(nextSync({ ...empty, announced: 9, rechecks: later }, NOW)).toEqual({
      cause: 'recheck',
      at: 0,
      since: NOW - WAIT,
    })
    expect(nextSync({ ...empty, announced: 9, rechecks: later }, NOW - 1)).toMatchObject({
      cause: 'ping',
      at: 0,
    })
  })

  it('after each failure the other kind of sync goes first', () => {
    const causes = (queue: QueueState) =>
      Array.from({ length: 4 }, () => {
        const look = nextSync(queue, NOW)
        queue = afterFailure(queue, NOW)
        return look?.cause
      })
    expect(causes({ ...empty, announced: 9, rechecks: later })).toEqual([
      'recheck',
      'ping',
      'recheck',
      'ping',
    ])
    expect(causes({ ...empty, announced: 9, rechecks: later, pausedUntil: NOW + 1 })).toEqual(
      Array(4).fill('recheck'),
    )
    expect(causes({ ...empty, announced: 9, rechecks: [] })).toEqual(Array(4).fill('ping'))
  })

  it('a sync that a wrong clock has put off for hours runs at once', () => {
    const wrong = [{ at: NOW + 3_600_000, since: NOW }]
    expect(nextSync({ ...empty, rechecks: wrong }, NOW)).toMatchObject({ cause: 'recheck', at: 0 })
  })

  it('an unreadable queue leads to one sync too many', () => {
    expect(nextSync(parseQueue([[7, 'app1'], { of: 'another release' }]), NOW)).toMatchObject({
      cause: 'ping',
    })
    expect(parseQueue([null, 'nonsense'])).toEqual({ ...empty, base: null })
  })
})

describe('an abandoned sync', () => {
  it('a sync that is 10 s late counts as abandoned', () => {
    const announced = { ...empty, announced: NOW, settled: NOW - 1 }
    expect([isAbandoned(announced, NOW + 9_999), isAbandoned(announced, NOW + 10_000)]).toEqual([false, true])
    const second = { ...empty, rechecks: [{ at: NOW, since: 0 }] }
    expect([isAbandoned(second, NOW + 9_999), isAbandoned(second, NOW + 10_000)]).toEqual([false, true])
    expect(isAbandoned({ ...announced, settled: NOW }, NOW + 99_999)).toBe(false)
  })

  it('a failed sync waits 10 s, then twice as long each time, at most 5 minutes', () => {
    let queue: QueueState = { ...empty, announced: 1 }
    const pauses: number[] = []
    for (let failure = 0; failure < 7; failure += 1) {
      queue = afterFailure(queue, NOW)
      pauses.push(queue.notBefore - NOW)
      expect(isAbandoned(queue, queue.notBefore - 1)).toBe(false)
      expect(isAbandoned(queue, queue.notBefore)).toBe(true)
    }
    expect(pauses).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
    expect(afterFailure(empty, NOW, 90).notBefore).toBe(NOW + 90_000)
    expect(afterSync(queue, { cause: 'ping', began: NOW, recheckAt: undefined })).toMatchObject({
      failures: 0,
      notBefore: 0,
    })
  })
})
