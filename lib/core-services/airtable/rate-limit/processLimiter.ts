/** The request budget over the Redis of this process's cache service. */

import { hasCode } from '../../../shared/errors'
import { cacheUnavailable } from '../../cache/errors'
import { serviceRegistry } from '../../service-registry'
import { type BudgetSettings, createRequestBudget, type RequestBudget } from './rateLimiter'
import { type BudgetStore, createBudgetStore } from './rateLimitStore'

/** `pageTimeoutMs`: deadline of a request to Airtable. */
export function createSharedBudget(pageTimeoutMs: number, ports: BudgetSettings['ports']): RequestBudget {
  return createRequestBudget({ store, pageTimeoutMs, ports })
}

async function store(): Promise<BudgetStore> {
  try {
    return createBudgetStore((await serviceRegistry.getService('cache')).internals)
  } catch (error) {
    // Without a cache that has started there is nothing to share: a process on its own has its own permits.
    if (!hasCode(error, 'SERVICE_FAILED', 'SERVICE_UNKNOWN')) throw error
    throw cacheUnavailable(error.cause ?? error)
  }
}
