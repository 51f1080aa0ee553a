import { beforeEach, describe, expect, it } from 'vitest'
import { createRateLimit } from '@/lib/http/auth/rateLimit'
import { createSignInLimits, type SignInLimits, signIn } from '@/lib/http/auth/signIn'
import { defaultPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { alarmClock, type ManualClock, manualClock } from '@/lib/testing/clock'
import { type RecordedEvents, recordEvents } from '@/lib/testing/events'
import { setEnvironment } from '../../kit/process/environment'

const TOKEN = 'admin-token-of-the-tests'
let clock: ManualClock
let events: RecordedEvents
let limits: SignInLimits

beforeEach(() => {
  clock = manualClock()
  events = recordEvents()
  setProcessState('ports', { ...defaultPorts, clock, emit: events.emit })
  limits = createSignInLimits()
  setEnvironment({ ADMIN_TOKEN: TOKEN })
})

const SAME_SITE = { 'sec-fetch-site': 'same-origin', origin: 'https://cache.example' }
const attempt = (token: string, headers: Record<string, string> = {}) =>
  signIn(token, new Headers({ ...SAME_SITE, 'x-forwarded-for': '192.0.2.1', ...headers }), limits)
const getReason = async (token: string, headers?: Record<string, string>) => {
  const result = await attempt(token, headers)
  return result.ok ? 'in' : result.why
}

describe('signing in', () => {
  it('signs in with the admin token only, and answers with a session', async () => {
    expect(await attempt(TOKEN)).toMatchObject({ ok: true, cookie: { name: '__Host-field-cache-admin' } })
    expect(await attempt(TOKEN, { origin: 'http://localhost:3000' })).toMatchObject({
      ok: true,
      cookie: { name: 'field-cache-admin', secure: false },
    })
    for (const wrong of ['', `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()])
      expect(await getReason(wrong, { 'x-forwarded-for': wrong })).toBe('wrong')
    expect(events.all.map(({ type }) => type)).toEqual([
      'admin.signed-in',
      'admin.signed-in',
      ...Array(4).fill('admin.refused'),
    ])
  })

  it.each([undefined, '', 'short'])('refuses every sign-in while ADMIN_TOKEN is %j', async (token) => {
    setEnvironment({ ADMIN_TOKEN: token })
    expect(await getReason(token ?? 'undefined')).toBe('wrong')
  })

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
  ])('refuses a sign-in from another site, even with the right token (%o)', async (headers) => {
    expect(await getReason(TOKEN, headers)).toBe('foreign')
  })

  it('compares origin and host where the browser does not tell the site', async () => {
    const from = (headers: Record<string, string>) => signIn(TOKEN, new Headers(headers), limits)
    expect(await from({ origin: 'http://10.0.0.5:3000', host: '10.0.0.5:3000' })).toMatchObject({ ok: true })
    expect(
      await from({
        origin: 'https://cache.example',
        host: 'inner:3000',
        'x-forwarded-host': 'cache.example',
      }),
    ).toMatchObject({ ok: true })
    for (const headers of [
      { origin: 'http://evil.example', host: '10.0.0.5:3000' },
      { origin: 'null', host: '10.0.0.5:3000' },
      { host: '10.0.0.5:3000' },
    ])
      expect(await from(headers as Record<string, string>)).toEqual({ ok: false, why: 'foreign' })
  })

  it('answers five wrong tokens of an address in a row, then one each 20 seconds', async () => {
    const answers = []
    for (let count = 0; count < 7; count += 1) answers.push(await getReason('wrong'))
    expect(answers).toEqual([...Array(5).fill('wrong'), 'limited', 'limited'])
    expect(await attempt('wrong')).toMatchObject({ retryAfter: expect.any(Number) })
    clock.advance(20_000)
    expect([await getReason('wrong'), await getReason('wrong')]).toEqual(['wrong', 'limited'])
    expect(await getReason('wrong', { 'x-forwarded-for': '192.0.2.2' })).toBe('wrong')
  })

  it('lets the right token in at any time, however many wrong ones came from the same address', async () => {
    for (let count = 0; count < 2_000; count += 1) await attempt('wrong')
    expect(await getReason(TOKEN)).toBe('in')
  })

  it('limits invented addresses all together, and logs a limited number of them', async () => {
    const answers = new Map<string, number>()
    for (let count = 0; count < 3_000; count += 1) {
      const why = await getReason('wrong', { 'x-forwarded-for': `192.0.2.9, 10.0.${count % 250}.${count}` })
      answers.set(why, (answers.get(why) ?? 0) + 1)
    }
    // 50 at once, and one more for each 2 s that the answers took.
    expect(answers.get('wrong')).toBeLessThan(70)
    expect(events.of('admin.refused')).toHaveLength(answers.get('wrong') ?? 0)
    expect(await getReason(TOKEN)).toBe('in')
  })

  it('takes as long for the right token as for a wrong one, and delays a limited number of answers', async () => {
    const waiting = alarmClock()
    setProcessState('ports', { ...defaultPorts, clock: waiting, emit: events.emit })
    const done: string[] = []
    const attempts = ['wrong', TOKEN, ...Array(60).fill(TOKEN)].map(async (token, index) => {
      await attempt(token)
      done.push(index < 2 ? `${index} in time` : 'another')
    })
    await expect.poll(() => done.length, { interval: 1 }).toBe(12)
    expect(waiting.sleepers).toBe(50)
    expect(done).not.toContain('0 in time')
    waiting.advance(400)
    await Promise.all(attempts)
    expect(done.slice(12, 14).sort()).toEqual(['0 in time', '1 in time'])
  })
})

describe('a rate limit', () => {
  it('a rate limit fills up again over time, never beyond its size, and forgets unused names', () => {
    const limit = createRateLimit({ burst: 2, everyMs: 100 })
    expect([limit.take('a', 0), limit.take('a', 0), limit.take('a', 0)]).toEqual([0, 0, 100])
    expect([limit.take('a', 50), limit.take('a', 100), limit.take('a', 101)]).toEqual([50, 0, 99])
    expect([1, 2, 3].map(() => limit.take('a', 1_000_000) === 0)).toEqual([true, true, false])
    for (let name = 0; name < 1_000; name += 1) limit.take(String(name), 1_000_000)
    expect(limit.take('a', 1_000_000)).toBe(0)
  })
})
