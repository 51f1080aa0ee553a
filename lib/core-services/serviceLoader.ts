/**
 * Registers the services of this app, with their dependencies and settings. Each starts on first use. A new service needs
 * its line in `Services` and its registration; boot and health go by this list.
 */

import { atRequest } from '../next/atRequest'
import { isControlFlowError } from '../next/controlFlow'
import { deferAfterResponse } from '../next/defer'
import { processPorts } from '../shared/ports'
import { setProcessState } from '../shared/processState'
import { airtableConfig, assertWebhookSecrets, peopleTable } from './airtable/airtableConfig'
import { AirtableService } from './airtable/airtableService'
import { CacheService } from './cache/cacheService'
import { cacheConfig, cacheFailFast } from './cache/settings/cacheConfig'
import { encryptionKeys } from './cache/settings/encryptionConfig'
import { type Services, serviceRegistry } from './service-registry'

declare module './service-registry' {
  interface Services {
    cache: CacheService
    airtable: AirtableService
  }
}

// Next evaluates this module several times in one process.
if (!serviceRegistry.has('cache')) {
  // Not at boot, because a build does not boot, and Next throws its control-flow errors in a build.
  setProcessState('ports', {
    ...processPorts(),
    isControlFlow: isControlFlowError,
    defer: deferAfterResponse,
    atRequest,
  })
  serviceRegistry.register('cache', () => new CacheService(undefined, processPorts()), {
    settings: [cacheConfig, encryptionKeys, cacheFailFast],
  })
}
if (!serviceRegistry.has('airtable')) {
  // A field can be fetched while Redis is down, so the cache is not required.
  serviceRegistry.register('airtable', () => new AirtableService(undefined, processPorts()), {
    prefers: ['cache'],
    settings: [airtableConfig, peopleTable, assertWebhookSecrets],
  })
}

/**
 * Starts services, dependencies first. Rejects with the first failure, which names the service and what to do.
 * `names`: all registered services by default.
 */
export async function initCoreServices(
  names: readonly (keyof Services)[] = serviceRegistry.names(),
): Promise<void> {
  await Promise.all(names.map((name) => serviceRegistry.getService(name)))
}
