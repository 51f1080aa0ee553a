/**
 * The session of the admin page: a cookie that holds an id, the time of its end and a MAC over both. The key of the MAC
 * is derived from ADMIN_TOKEN, so nothing has to be stored to open one, and a new token ends all sessions at once.
 */
import { createHmac, hkdfSync } from 'node:crypto'
import { secret } from '../../config/appConfig'
import { processPorts } from '../../shared/ports'
import { equalInConstantTime } from './bearer'

export interface AdminSession {
  id: string
  /** Wall clock, ms. */
  endsAt: number
}

/** How long a session lasts, in s: a working day. */
export const SESSION_SECONDS = 12 * 3600

/** A browser takes a `__Host-` cookie from this very host over https only, and no subdomain can put one in its place. */
const COOKIE = 'field-cache-admin'
const SECURE_COOKIE = `__Host-${COOKIE}`
export const SESSION_COOKIES = [SECURE_COOKIE, COOKIE] as const

/** Keeps the key apart from every other use of the token. Another number here ends all sessions. */
const KEY_LABEL = 'field-cache admin session 1'

/** What a Set-Cookie header is made of. */
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

/** A new session as a cookie; null while ADMIN_TOKEN is not set. `secure`: the browser came over https. */
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

/** The session that a request carries in its cookies, if it is genuine and has not ended. */
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

/** Null for whatever was not sealed with this token, or is over. */
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

/** The cookies of a request, for `findSession`. */
export function readCookies(request: Request): (name: string) => string | undefined {
  const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => pair.trim().split(/=(.*)/s))
  const byName = new Map(pairs.map(([name = '', value = '']) => [name, value]))
  return (name) => byName.get(name)
}
