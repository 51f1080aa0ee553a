/**
 * The right token always works: a limit on it would let any stranger lock the admin out. The length of the token, at
 * least 16 characters, stops guessing. Past the limits a wrong token is refused at once, without a Redis command, a log
 * line or an open connection.
 */
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { isSecret } from './bearer'
import { clientAddress, isHttps, isSameOrigin } from './origin'
import { createRateLimit, type RateLimit } from './rateLimit'
import { newSessionCookie, type SessionCookie } from './session'

export type SignIn =
  | { ok: true; cookie: SessionCookie }
  /** `foreign`: the call came from another site. */
  | { ok: false; why: 'wrong' | 'foreign' }
  /** `retryAfter`: until the next wrong token is checked, in s. */
  | { ok: false; why: 'limited'; retryAfter: number }

const PER_ADDRESS = { burst: 5, everyMs: 20_000 }
/** For all addresses together, because a client can invent its address. */
const PER_PROCESS = { burst: 50, everyMs: 2_000 }

/** How long the check of a token takes, in ms, right or wrong. It slows down guesses that wait for each other. */
const ANSWER_MS = 400
/** How many answers are delayed at a time. Further ones are sent at once, so that they do not pile up. */
const MAX_DELAYED = 50

export interface SignInLimits {
  byAddress: RateLimit
  all: RateLimit
  delayed: number
}

export const createSignInLimits = (): SignInLimits => ({
  byAddress: createRateLimit(PER_ADDRESS),
  all: createRateLimit(PER_PROCESS),
  delayed: 0,
})

export async function signIn(
  given: string,
  headers: Headers,
  limits: SignInLimits = processState('sign-in', createSignInLimits),
): Promise<SignIn> {
  if (!isSameOrigin(headers)) return { ok: false, why: 'foreign' }
  const { clock, emit } = processPorts()
  const isRight = isSecret(given, 'ADMIN_TOKEN')
  if (!isRight) {
    const now = clock.monotonic()
    // The address comes first: one past its own limit must not use up the common one.
    const waitMs = limits.byAddress.take(clientAddress(headers), now) || limits.all.take('', now)
    if (waitMs > 0) return { ok: false, why: 'limited', retryAfter: Math.ceil(waitMs / 1000) }
  }
  if (limits.delayed < MAX_DELAYED) {
    limits.delayed += 1
    await clock.sleep(ANSWER_MS)
    limits.delayed -= 1
  }
  const cookie = isRight ? newSessionCookie(isHttps(headers)) : null
  emit({ type: cookie ? 'admin.signed-in' : 'admin.refused' })
  return cookie ? { ok: true, cookie } : { ok: false, why: 'wrong' }
}
