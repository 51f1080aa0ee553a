/** Builds the runtime of this server process. Tests build theirs. */

import '../serviceLoader'
import { hasCode } from '../../shared/errors'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { serviceRegistry } from '../service-registry'
import type { CacheService } from './cacheService'
import { cacheUnavailable } from './errors'
import { createPiggybackReads, withPiggybackReads } from './fields/store/piggybackReads'
import { processParts } from './processParts'
import { createRuntime, type ProcessRuntime } from './runtime'

export function fieldRuntime(): ProcessRuntime {
  const ports = processPorts()
  const runtime = createRuntime({ ...processParts(ports), services: cacheService })
  runtime.store = async () => {
    const { fieldStore, sharedRecords } = await cacheService()
    return withPiggybackReads(
      fieldStore,
      sharedRecords,
      processState('piggybackReads', createPiggybackReads),
      ports.clock,
    )
  }
  return runtime
}

async function cacheService(): Promise<CacheService> {
  try {
    return await serviceRegistry.getService('cache')
  } catch (error) {
    // A cache that was never registered is a programming mistake, not an outage.
    if (!hasCode(error, 'SERVICE_FAILED')) throw error
    throw cacheUnavailable(error.cause)
  }
}
