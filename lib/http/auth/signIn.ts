/**
 * Signing in to the admin page with the admin token. A right token always gets in: refusing one because others guess
 * would let anybody lock the admin out. What keeps guesses out is the length of the token, 16 characters at least; the
 * limit here keeps them cheap and quiet: past it a wrong token is answered at once, without a command, a line in the
 * log or a waiting connection.
 */
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { isSecret } from './bearer'
import { clientAddress, isHttps, isSameOrigin } from './origin'
import { createRateLimit, type RateLimit } from './rateLimit'
import { newSessionCookie, type SessionCookie } from './session'

export type SignIn =
  | { ok: true; cookie: SessionCookie }
  /** `foreign`: not a page of this site asked. */
  | { ok: false; why: 'wrong' | 'foreign' }
  /** `retryAfter`: seconds until a wrong token is looked at again. */
  | { ok: false; why: 'limited'; retryAfter: number }

/** Wrong tokens of one address: so many in a row, then one each so many ms. */
const PER_ADDRESS = { burst: 5, everyMs: 20_000 }
/** Those of all addresses together, in one process: an address can be made up. */
const PER_PROCESS = { burst: 50, everyMs: 2_000 }

/** How long an answer takes, in ms, right or wrong: one guess after the other is slow. */
const ANSWER_MS = 400
/** How many answers are held back at a time; who comes then has his at once. */
const MOST_HELD = 50

export interface SignInLimits {
  byAddress: RateLimit
  all: RateLimit
  /** How many answers are held back just now. */
  held: number
}

export const createSignInLimits = (): SignInLimits => ({
  byAddress: createRateLimit(PER_ADDRESS),
  all: createRateLimit(PER_PROCESS),
  held: 0,
})

export async function signIn(
  given: string,
  headers: Headers,
  keeper: SignInLimits = processState('sign-in', createSignInLimits),
): Promise<SignIn> {
  if (!isSameOrigin(headers)) return { ok: false, why: 'foreign' }
  const { clock, emit } = processPorts()
  const right = isSecret(given, 'ADMIN_TOKEN')
  if (!right) {
    const now = clock.monotonic()
    // The address first: one that has had its share takes nothing from everybody's.
    const waitMs = keeper.byAddress.take(clientAddress(headers), now) || keeper.all.take('', now)
    if (waitMs > 0) return { ok: false, why: 'limited', retryAfter: Math.ceil(waitMs / 1000) }
  }
  if (keeper.held < MOST_HELD) {
    keeper.held += 1
    await clock.sleep(ANSWER_MS)
    keeper.held -= 1
  }
  const cookie = right ? newSessionCookie(isHttps(headers)) : null
  emit({ type: cookie ? 'admin.signed-in' : 'admin.refused' })
  return cookie ? { ok: true, cookie } : { ok: false, why: 'wrong' }
}
