/** The front door of reads: the stored value of a field while it is fresh, else a fetched one. */

import { getErrorCode } from '../../shared/errors'
import { assertOptions, type FieldCacheConfig } from './fields/fieldConfig'
import { type FieldAnswer, FieldContext } from './fields/fieldContext'
import type { FieldRuntime } from './fields/fieldRuntime'
import { type Force, readField } from './fields/read/readField'
import { fieldRuntime } from './processContext'

export type { FieldAnswer, Force }

/** Returns the stored value while it is fresh, else a fetched one. Rejects with a SOURCE_ error. */
export async function getFieldCache<T>(config: FieldCacheConfig<T>, forceRefresh = false): Promise<T> {
  return (await readFieldCache(config, forceRefresh ? 'always' : 'never')).data
}

/** Reads many fields in their order. All warm ones together cost one command. Rejects as soon as one does. */
export async function getFieldCaches<T extends readonly unknown[]>(
  configs: readonly [...{ [Index in keyof T]: FieldCacheConfig<T[Index]> }],
): Promise<T> {
  const values = await Promise.all(
    configs.map((config) => getFieldCache(config as FieldCacheConfig<unknown>)),
  )
  return values as unknown as T
}

/** Like `getFieldCache`, and says where the value came from and how old it is. */
export async function readFieldCache<T>(
  config: FieldCacheConfig<T>,
  force: Force = 'never',
  runtime: FieldRuntime = fieldRuntime(),
): Promise<FieldAnswer<T>> {
  const started = runtime.ports.clock.monotonic()
  const { clock, emit, isControlFlow } = runtime.ports
  const field = config.name
  try {
    assertOptions(config)
    const answer = await readField(new FieldContext(runtime, config), force)
    const { status, age: ageSeconds } = answer
    emit({ type: 'field.read', field, status, ageSeconds, durationMs: clock.monotonic() - started })
    return answer
  } catch (error) {
    const durationMs = clock.monotonic() - started
    if (!isControlFlow(error)) emit({ type: 'field.failed', field, code: getErrorCode(error), durationMs })
    throw error
  }
}
