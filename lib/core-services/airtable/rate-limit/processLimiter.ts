/** The rate limiter over the Redis of this process's cache service. */

import { hasCode } from '../../../shared/errors'
import { cacheUnavailable } from '../../cache/errors'
import { serviceRegistry } from '../../service-registry'
import { createRateLimiter, type RateLimiter, type RateLimiterOptions } from './rateLimiter'
import { createRateLimitStore, type RateLimitStore } from './rateLimitStore'

/** `pageTimeoutMs`: deadline of a request to Airtable, in ms. */
export function createProcessLimiter(pageTimeoutMs: number, ports: RateLimiterOptions['ports']): RateLimiter {
  return createRateLimiter({ store, pageTimeoutMs, ports })
}

async function store(): Promise<RateLimitStore> {
  try {
    return createRateLimitStore((await serviceRegistry.getService('cache')).internals)
  } catch (error) {
    // Without a started cache there is nothing to share: the process limits itself.
    if (!hasCode(error, 'SERVICE_FAILED', 'SERVICE_UNKNOWN')) throw error
    throw cacheUnavailable(error.cause ?? error)
  }
}
