import { beforeEach, describe, expect, it } from 'vitest'
import {
  findSession,
  newSessionCookie,
  openSession,
  readCookies,
  SESSION_SECONDS,
  sealSession,
} from '@/lib/http/auth/session'
import { defaultPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { type ManualClock, manualClock } from '@/lib/testing/clock'
import { setEnvironment } from '../../kit/process/environment'

const TOKEN = 'admin-token-of-the-tests'
const OTHER = 'another-admin-token-of-them'
let clock: ManualClock

beforeEach(() => {
  clock = manualClock()
  setProcessState('ports', { ...defaultPorts, clock })
  setEnvironment({ ADMIN_TOKEN: TOKEN })
})

/** The session that a request with the cookies of these Set-Cookie parts carries. */
const carried = (...cookies: ({ name: string; value: string } | null)[]) =>
  findSession(
    readCookies(
      new Request('http://localhost/admin', {
        headers: { cookie: cookies.flatMap((one) => (one ? [`${one.name}=${one.value}`] : [])).join('; ') },
      }),
    ),
  )

describe('the session of the admin', () => {
  it('a session lasts 12 hours to the second', () => {
    const cookie = newSessionCookie(false)
    expect(carried(cookie)).toMatchObject({ id: expect.any(String) })
    clock.advance(SESSION_SECONDS * 1000 - 1)
    expect(carried(cookie)).not.toBeNull()
    clock.advance(1)
    expect(carried(cookie)).toBeNull()
    expect(cookie?.maxAge).toBe(43_200)
  })

  it('the session cookie is hidden from scripts and other sites, and over https from other hosts', () => {
    expect(newSessionCookie(true)).toMatchObject({
      name: '__Host-field-cache-admin',
      httpOnly: true,
      sameSite: 'strict',
      secure: true,
      path: '/',
    })
    expect(newSessionCookie(false)).toMatchObject({ name: 'field-cache-admin', secure: false })
    expect(carried({ name: 'other', value: '1' }, newSessionCookie(true))).not.toBeNull()
  })

  it('a session cookie holds neither the token nor a text that two sessions share', () => {
    const [one, other] = [newSessionCookie(true), newSessionCookie(true)]
    expect(one?.value).not.toContain(TOKEN)
    expect(one?.value.split('.')[0]).not.toBe(other?.value.split('.')[0])
    expect(one?.value.split('.')[2]).not.toBe(other?.value.split('.')[2])
  })

  it('a session ends when the token changes, and cannot begin without a token', () => {
    const cookie = newSessionCookie(true)
    setEnvironment({ ADMIN_TOKEN: OTHER })
    expect(carried(cookie)).toBeNull()
    setEnvironment({ ADMIN_TOKEN: undefined })
    expect([carried(cookie), newSessionCookie(true)]).toEqual([null, null])
  })

  it('refuses a session cookie with any changed character or a later end', () => {
    const now = clock.now()
    const sealed = sealSession({ id: 'a1b2c3d4e5f6a7b8', endsAt: now + 60_000 }, TOKEN)
    expect(openSession(sealed, TOKEN, now)).toEqual({ id: 'a1b2c3d4e5f6a7b8', endsAt: now + 60_000 })
    for (let index = 0; index < sealed.length; index += 1) {
      const character = sealed[index] === 'a' ? 'b' : 'a'
      const forged = sealed.slice(0, index) + character + sealed.slice(index + 1)
      expect(openSession(forged, TOKEN, now), forged).toBeNull()
    }
    const [id, , mac] = sealed.split('.')
    const later = Math.floor((now + 3_600_000) / 1000).toString(36)
    expect(openSession(`${id}.${later}.${mac}`, TOKEN, now)).toBeNull()
  })

  it.each([
    '',
    '.',
    '..',
    'a.b.c',
    'x'.repeat(100_000),
    `${'a'.repeat(32)}.zzzzzzzzzzzz.${'a'.repeat(43)}`,
    '\u0000',
  ])('finds no session in %j', (value) => {
    expect(openSession(value.slice(0, 200_000), TOKEN, clock.now())).toBeNull()
  })
})
