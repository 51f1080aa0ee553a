/**
 * Seals a session into a cookie. The key of its MAC is derived from ADMIN_TOKEN, so sessions need no storage, and
 * changing the token ends all of them.
 */
import { createHmac, hkdfSync } from 'node:crypto'
import { secret } from '../../config/appConfig'
import { processPorts } from '../../shared/ports'
import { equalInConstantTime } from './bearer'

export interface AdminSession {
  id: string
  /** In ms since 1970. */
  endsAt: number
}

/** A working day, in s. */
export const SESSION_SECONDS = 12 * 3600

/** Browsers accept a `__Host-` cookie only over https from this exact host, so a subdomain cannot set one. */
const COOKIE = 'field-cache-admin'
const SECURE_COOKIE = `__Host-${COOKIE}`
export const SESSION_COOKIES = [SECURE_COOKIE, COOKIE] as const

/** Separates this key from others derived from the token. A new number ends all sessions. */
const KEY_LABEL = 'field-cache admin session 1'

export interface SessionCookie {
  name: string
  value: string
  httpOnly: true
  sameSite: 'strict'
  secure: boolean
  path: '/'
  /** Seconds. */
  maxAge: number
}

/** Returns null while ADMIN_TOKEN is not set. `secure`: whether the browser uses https. */
export function newSessionCookie(secure: boolean): SessionCookie | null {
  const token = secret('ADMIN_TOKEN')
  if (token === undefined) return null
  const { clock, uniqueToken } = processPorts()
  const session = { id: uniqueToken(), endsAt: clock.now() + SESSION_SECONDS * 1000 }
  return {
    name: secure ? SECURE_COOKIE : COOKIE,
    value: sealSession(session, token),
    httpOnly: true,
    sameSite: 'strict',
    secure,
    path: '/',
    maxAge: SESSION_SECONDS,
  }
}

/** Returns the session if its MAC is right and it has not ended. It may have been revoked. */
export function findSession(cookie: (name: string) => string | undefined): AdminSession | null {
  const token = secret('ADMIN_TOKEN')
  if (token === undefined) return null
  const now = processPorts().clock.now()
  for (const name of SESSION_COOKIES) {
    const session = openSession(cookie(name) ?? '', token, now)
    if (session) return session
  }
  return null
}

export function sealSession({ id, endsAt }: AdminSession, token: string): string {
  const content = `${id}.${Math.floor(endsAt / 1000).toString(36)}`
  return `${content}.${computeMac(content, token)}`
}

/** Returns null when the text was not sealed with this token, or the session has ended. `now`: in ms since 1970. */
export function openSession(sealed: string, token: string, now: number): AdminSession | null {
  const [, content = '', id = '', end = '', mac = ''] =
    /^(([A-Za-z0-9-]{16,64})\.([a-z0-9]{1,11}))\.([\w-]{43})$/.exec(sealed) ?? []
  if (content === '' || !equalInConstantTime(mac, computeMac(content, token))) return null
  const endsAt = Number.parseInt(end, 36) * 1000
  return now < endsAt ? { id, endsAt } : null
}

function computeMac(content: string, token: string): string {
  const key = Buffer.from(hkdfSync('sha256', token, '', KEY_LABEL, 32))
  return createHmac('sha256', key).update(content).digest('base64url')
}

export function readCookies(request: Request): (name: string) => string | undefined {
  const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => pair.trim().split(/=(.*)/s))
  const byName = new Map(pairs.map(([name = '', value = '']) => [name, value]))
  return (name) => byName.get(name)
}
