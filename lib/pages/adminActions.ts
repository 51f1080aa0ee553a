/** The door of the admin page: who is in, and what the buttons do. Each checks the session itself. */
import 'server-only'
import { cookies, headers } from 'next/headers'
import { connection } from 'next/server'
import { secret } from '../config/appConfig'
import { type AnyField, findFieldByName } from '../core-services/cache/fields/fieldConfig'
import { fieldRuntime } from '../core-services/cache/fields/fieldRuntime'
import { beginRefresh, beginRefreshOfAll } from '../core-services/cache/operations/manualRefresh'
import { cameFromElsewhere, isSameOrigin } from '../http/auth/origin'
import { endSession, hasEnded } from '../http/auth/revokedSessions'
import { type AdminSession, SESSION_COOKIES, sessionIn } from '../http/auth/session'
import { signIn } from '../http/auth/signIn'
import { processPorts } from '../shared/ports'

/**
 * `closed`: no ADMIN_TOKEN is set; `elsewhere`: a link on another site led here, so the browser kept its cookie back,
 * and asking again from here tells.
 */
export type Admission = 'in' | 'out' | 'closed' | 'elsewhere'

export async function admission(): Promise<Admission> {
  // Cookies alone may be read ahead of a request; whether a session is over may not.
  await connection()
  if (await currentSession()) return 'in'
  if (secret('ADMIN_TOKEN') === undefined) return 'closed'
  return cameFromElsewhere(await headers()) ? 'elsewhere' : 'out'
}

export type SignInAnswer =
  | { problem: 'wrong' | 'foreign' }
  | { problem: 'limited'; retryAfter: number }
  | null

export async function enter(token: string): Promise<SignInAnswer> {
  const result = await signIn(token.trim(), await headers())
  if (!result.ok)
    return result.why === 'limited'
      ? { problem: 'limited', retryAfter: result.retryAfter }
      : { problem: result.why }
  const { name, value, ...options } = result.cookie
  const jar = await cookies()
  jar.set(name, value, options)
  return null
}

export async function leave(): Promise<void> {
  const session = await sessionForAction()
  if (!session) return
  await endSession(session)
  const jar = await cookies()
  for (const name of SESSION_COOKIES)
    jar.set(name, '', {
      path: '/',
      maxAge: 0,
      httpOnly: true,
      sameSite: 'strict',
      secure: name.startsWith('__'),
    })
  processPorts().emit({ type: 'admin.signed-out' })
}

/** `under-way`: somebody has begun the same already. Each answer is an object of its own, so that equal ones can be told apart. */
export interface RefreshAnswer {
  result: 'begun' | 'under-way' | 'signed-out' | 'unknown-field'
}

/** `budgetMs`, for both: how long the work may go on after the answer. */
export async function refreshByHand(name: string, budgetMs: number): Promise<RefreshAnswer> {
  if (!(await sessionForAction())) return { result: 'signed-out' }
  const field = findFieldByName(name)
  if (!field) return { result: 'unknown-field' }
  return { result: await beginRefresh(fieldRuntime(), field, budgetMs) }
}

export async function refreshAllByHand(
  fields: readonly AnyField[],
  budgetMs: number,
): Promise<RefreshAnswer> {
  if (!(await sessionForAction())) return { result: 'signed-out' }
  return { result: await beginRefreshOfAll(fieldRuntime(), fields, budgetMs) }
}

async function currentSession(): Promise<AdminSession | null> {
  const jar = await cookies()
  const session = sessionIn((name) => jar.get(name)?.value)
  return session && !(await hasEnded(session)) ? session : null
}

/** Next compares origin and host as well, but lets requests pass that carry no origin. */
async function sessionForAction(): Promise<AdminSession | null> {
  return isSameOrigin(await headers()) ? currentSession() : null
}
