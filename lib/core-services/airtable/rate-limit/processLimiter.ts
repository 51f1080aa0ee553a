import { hasCode } from '../../../shared/errors'
import { cacheUnavailable } from '../../cache/errors'
import { serviceRegistry } from '../../service-registry'
import { createRateLimiter, type RateLimiter, type RateLimiterOptions } from './rateLimiter'
import { createRateLimitStore, type RateLimitStore } from './rateLimitStore'

export function createProcessLimiter(pageTimeoutMs: number, ports: RateLimiterOptions['ports']): RateLimiter {
  return createRateLimiter({ store, pageTimeoutMs, ports })
}

async function store(): Promise<RateLimitStore> {
  try {
    return createRateLimitStore((await serviceRegistry.getService('cache')).internals)
  } catch (error) {
    // Without a cache service the process limits only itself.
    if (!hasCode(error, 'SERVICE_FAILED', 'SERVICE_UNKNOWN')) throw error
    throw cacheUnavailable(error.cause ?? error)
  }
}
