/** Serves the admin page and its Server Actions. Every function checks the session itself. */
import 'server-only'
import { cookies, headers } from 'next/headers'
import { connection } from 'next/server'
import { secret } from '../config/appConfig'
import { type AnyField, findFieldByName } from '../core-services/cache/fields/fieldConfig'
import { beginRefresh, beginRefreshOfAll } from '../core-services/cache/operations/manualRefresh'
import { fieldRuntime } from '../core-services/cache/processContext'
import { isCrossSite, isSameOrigin } from '../http/auth/origin'
import { isSessionRevoked, revokeSession } from '../http/auth/revokedSessions'
import { type AdminSession, findSession, SESSION_COOKIES } from '../http/auth/session'
import { signIn } from '../http/auth/signIn'
import { processPorts } from '../shared/ports'

/**
 * `closed`: no ADMIN_TOKEN is set. `cross-site`: another site led here, so the browser sent no `SameSite=Strict` cookie.
 * A second request, from this site, shows whether there is a session.
 */
export type AdminAccess = 'signed-in' | 'signed-out' | 'closed' | 'cross-site'

export async function readAccess(): Promise<AdminAccess> {
  // A revoked session can only be noticed at request time.
  await connection()
  if (await currentSession()) return 'signed-in'
  if (secret('ADMIN_TOKEN') === undefined) return 'closed'
  return isCrossSite(await headers()) ? 'cross-site' : 'signed-out'
}

export type SignInAnswer =
  | { problem: 'wrong' | 'foreign' }
  | { problem: 'limited'; retryAfter: number }
  | null

/** Resolves with null when the session cookie was set. */
export async function signInToAdmin(token: string): Promise<SignInAnswer> {
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

/** Does nothing without a session. */
export async function signOutOfAdmin(): Promise<void> {
  const session = await sessionForAction()
  if (!session) return
  await revokeSession(session)
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

/** Each answer is a new object, so that React notices two equal answers. */
export interface RefreshAnswer {
  result: 'begun' | 'under-way' | 'signed-out' | 'unknown-field'
}

/** `budgetMs`: how long the refresh may run after the answer. */
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
  const session = findSession((name) => jar.get(name)?.value)
  return session && !(await isSessionRevoked(session)) ? session : null
}

/** Next also compares origin and host, but accepts requests without an Origin header. */
async function sessionForAction(): Promise<AdminSession | null> {
  return isSameOrigin(await headers()) ? currentSession() : null
}
