/**
 * Per field and process one forced refresh runs and one waits; later callers share the waiting one. Their rate is limited
 * over all instances, because an endless script must not use up the rate limit of the source.
 *
 * This queue comes before that of the cache: callers who share a refresh also share one permit, and the cron must not
 * meet the limit.
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

/** A list of six pages then causes three requests a second, about half of what Airtable allows. */
const PER_FIELD = { burst: 20, everyMs: 2_000 }
const ALL_FIELDS = { burst: 60, everyMs: 1_000 }
/** How often a process looks up the cool-down of a field for callers without the token. */
const COOL_DOWN_CHECKS = { burst: 5, everyMs: 1_000 }

/** They save the command to Redis once they are exceeded, and act alone while Redis is down. */
export const createForcedReadLimits = () => ({
  singleFlight: createSingleFlight(),
  perField: createRateLimit(PER_FIELD),
  all: createRateLimit(ALL_FIELDS),
  coolDownChecks: createRateLimit(COOL_DOWN_CHECKS),
  /** When Redis allows the next refresh of a refused field, by name; monotonic, in ms. */
  refusedUntil: new Map<string, number>(),
})

const processLimits = () => processState('forces over HTTP', createForcedReadLimits)

/** For callers with the token. Rejects with RATE_LIMITED, and otherwise as `readFieldCache` does. */
export function forcedRead(field: AnyField): Promise<FieldAnswer<unknown>> {
  return processLimits().singleFlight.queue(field.key, shareKey(field), async () => {
    await takePermit(field.name)
    return readFieldCache(field, 'always')
  })
}

/** For callers without the token. The lookup of the field's cool-down costs a command. */
export function anonymouslyForcedRead(field: AnyField): Promise<FieldAnswer<unknown>> {
  const mayCheck = processLimits().coolDownChecks.take(field.name, processPorts().clock.monotonic()) === 0
  return readFieldCache(field, mayCheck ? 'anonymous' : 'declined')
}

async function takePermit(name: string): Promise<void> {
  const { perField, all, refusedUntil } = processLimits()
  const now = processPorts().clock.monotonic()
  const refusedMs = (refusedUntil.get(name) ?? 0) - now
  if (refusedMs > 0) throw refusal(refusedMs)
  const waitMs = perField.take(name, now) || all.take('', now)
  if (waitMs > 0) throw refusal(waitMs)
  const sharedMs = await takeSharedPermit(name)
  if (sharedMs === 0) return
  refusedUntil.set(name, now + sharedMs)
  throw refusal(sharedMs)
}

/** Resolves with the time to wait, in ms. Costs 5 billed commands, 3 for a refusal. */
async function takeSharedPermit(name: string): Promise<number> {
  try {
    const { internals } = await serviceRegistry.getService('cache')
    return await takeFromBuckets(internals, [
      { name: `force:${name}`, ...PER_FIELD },
      { name: 'force', ...ALL_FIELDS },
    ])
  } catch (error) {
    // The refresh itself meets the same failure and reports it.
    if (isRedisFailure(error) || hasCode(error, 'SERVICE_FAILED')) return 0
    throw error
  }
}

const refusal = (waitMs: number) => rateLimited('forced refreshes', Math.ceil(waitMs / 1000))
