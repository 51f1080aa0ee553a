/** Wires what reads and refreshes of fields need, for this process. Tests wire their own. */

import '../serviceLoader'
import { deploymentName, refreshConfig } from '../../config/appConfig'
import { createRedactor } from '../../observability/redact'
import { hasCode } from '../../shared/errors'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { createSingleFlight } from '../../shared/singleFlight'
import { serviceRegistry } from '../service-registry'
import type { CacheService } from './cacheService'
import { cacheUnavailable } from './errors'
import type { AsideRuntime, CronRuntime } from './fields/fieldRuntime'
import { createCompanions, withCompanions } from './fields/store/companions'
import type { WatchRuntime } from './operations/watchRuntime'
import { processMemory } from './processMemory'
import { createReachability } from './redis/transport/reachability'
import { createServiceRuntime } from './serviceRuntime'
import { batchSize, commandPatience } from './settings/cacheConfig'

export function fieldRuntime(): CronRuntime & AsideRuntime & WatchRuntime {
  const ports = processPorts()
  const memory = processMemory(ports.clock)
  return {
    ports,
    singleFlight: processState('singleFlight', createSingleFlight),
    hints: memory.hints,
    memoryCache: memory.memoryCache,
    get reachability() {
      return processState('reachability', () => createReachability(commandPatience(), ports.clock))
    },
    deployment: deploymentName(),
    // Read when something is refreshed: a hit needs no configuration.
    get refreshTimeoutMs() {
      return refreshConfig().refreshTimeoutMs
    },
    get cipherFor() {
      return memory.cipherFor
    },
    get batchSize() {
      return batchSize()
    },
    async store() {
      const { fieldStore, sharedRecords } = await cacheService()
      return withCompanions(
        fieldStore,
        sharedRecords,
        processState('companions', createCompanions),
        ports.clock,
      )
    },
    clean: (text) => createRedactor(process.env)(text),
    seen: processState('seen entries', () => new Map()),
    runs: processState('noted runs', () => new Map()),
    ...createServiceRuntime(cacheService),
  }
}

async function cacheService(): Promise<CacheService> {
  try {
    return await serviceRegistry.getService('cache')
  } catch (error) {
    // A cache that was never registered is a mistake to be seen, not an outage to be borne.
    if (!hasCode(error, 'SERVICE_FAILED')) throw error
    throw cacheUnavailable(error.cause)
  }
}
