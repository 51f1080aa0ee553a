/**
 * Forced refreshes over HTTP. Per field and process one runs and one waits, which all who come meanwhile share, so that
 * any number at once makes two. How many begin is limited besides, per field and in all, over all instances: a script
 * that never stops asking must not take all that the source allows. Plain reads pass none of this.
 */

import { takeFromBuckets } from '../../core-services/cache/coordination/tokenBuckets'
import { isRedisFailure } from '../../core-services/cache/errors'
import { type FieldAnswer, readFieldCache } from '../../core-services/cache/fieldCacheService'
import type { AnyField } from '../../core-services/cache/fields/fieldConfig'
import { shareKey } from '../../core-services/cache/fields/shareKey'
import { serviceRegistry } from '../../core-services/service-registry'
import { hasCode } from '../../shared/errors'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { createSingleFlight } from '../../shared/singleFlight'
import { createRateLimit } from '../auth/rateLimit'
import { rateLimited } from '../problem'

/** Twenty in a row, then one each 2 s: of a list of six pages that is half of what Airtable allows. */
const PER_FIELD = { burst: 20, everyMs: 2_000 }
const ALL_FIELDS = { burst: 60, everyMs: 1_000 }
/** How often a process asks whether a caller without the token may force a field. */
const QUESTIONS = { burst: 5, everyMs: 1_000 }

/** Of this process. It limits alone while Redis cannot be asked, and spares the question otherwise. */
export const createForcedReadLimits = () => ({
  singleFlight: createSingleFlight(),
  perField: createRateLimit(PER_FIELD),
  all: createRateLimit(ALL_FIELDS),
  questions: createRateLimit(QUESTIONS),
  /** Fields for which Redis has refused, and until when (monotonic, ms). */
  closed: new Map<string, number>(),
})

const own = () => processState('forces over HTTP', createForcedReadLimits)

/** For holders of the token. Rejects with RATE_LIMITED, else as `readFieldCache` does. */
export function forcedRead(field: AnyField): Promise<FieldAnswer<unknown>> {
  return own().singleFlight.queue(field.key, shareKey(field), async () => {
    await admit(field.name)
    return readFieldCache(field, 'always')
  })
}

/** For everybody else: the field's own cool-down decides. To ask about it costs a command, so that is limited, too. */
export function anonymouslyForcedRead(field: AnyField): Promise<FieldAnswer<unknown>> {
  const asks = own().questions.take(field.name, processPorts().clock.monotonic()) === 0
  return readFieldCache(field, asks ? 'anonymous' : 'declined')
}

async function admit(name: string): Promise<void> {
  const { perField, all, closed } = own()
  const now = processPorts().clock.monotonic()
  const closedMs = (closed.get(name) ?? 0) - now
  if (closedMs > 0) throw refusal(closedMs)
  const waitMs = perField.take(name, now) || all.take('', now)
  if (waitMs > 0) throw refusal(waitMs)
  const sharedMs = await askAll(name)
  if (sharedMs === 0) return
  closed.set(name, now + sharedMs)
  throw refusal(sharedMs)
}

/** 5 billed commands, 3 for a refusal. */
async function askAll(name: string): Promise<number> {
  try {
    const { internals } = await serviceRegistry.getService('cache')
    return await takeFromBuckets(internals, [
      { name: `force:${name}`, ...PER_FIELD },
      { name: 'force', ...ALL_FIELDS },
    ])
  } catch (error) {
    // The refresh meets the same next, and tells of it.
    if (isRedisFailure(error) || hasCode(error, 'SERVICE_FAILED')) return 0
    throw error
  }
}

const refusal = (waitMs: number) => rateLimited('forced refreshes', Math.ceil(waitMs / 1000))
