/** The services of this app and what they depend on. Importing this file registers them; nothing starts before use. */

import { atRequest } from '../next/atRequest'
import { isControlFlowError } from '../next/controlFlow'
import { deferAfterResponse } from '../next/defer'
import { processPorts } from '../shared/ports'
import { setProcessState } from '../shared/processState'
import { AirtableService } from './airtable/airtableService'
import { CacheService } from './cache/cacheService'
import { type Services, serviceRegistry } from './service-registry'

declare module './service-registry' {
  interface Services {
    cache: CacheService
    airtable: AirtableService
  }
}

// Next evaluates this module several times in one process: only the first evaluation registers.
if (!serviceRegistry.has('cache')) {
  // Not at boot, which a build does without: it is in a build that Next throws its control-flow errors.
  setProcessState('ports', {
    ...processPorts(),
    isControlFlow: isControlFlowError,
    defer: deferAfterResponse,
    atRequest,
  })
  serviceRegistry.register('cache', () => new CacheService(undefined, processPorts()))
}
if (!serviceRegistry.has('airtable')) {
  // A field can be fetched while Redis is down, so the cache is wished for, not required.
  serviceRegistry.register('airtable', () => new AirtableService(undefined, processPorts()), {
    prefers: ['cache'],
  })
}

/** Starts the services, dependencies first. Rejects with the first failure, which names the service and the mend. */
export async function initCoreServices(names: readonly (keyof Services)[]): Promise<void> {
  await Promise.all(names.map((name) => serviceRegistry.getService(name)))
}
