/** The read path of fields: the stored value while it is fresh, else a fetched one. Redis failing never fails a read. */
import { ageSeconds } from './engine/entry'
import type { FieldStatus } from './engine/events'
import type { FieldCacheConfig } from './engine/fieldConfig'
import { checkSchema } from './engine/schema'
import { askStore, type FieldRuntime, fieldRuntime } from './fieldRuntime'
import { fillOnMiss, forceRefresh, openRefreshed, type Refreshed } from './refreshCache'

export interface FieldAnswer<T> {
  data: T
  status: FieldStatus
  /** Whole seconds since the fetch of the value began. */
  age: number
  timings: {
    /** How long Redis took for the read, in ms; 0 when it was not asked. */
    cacheMs: number
    /** How long the source took, in ms; 0 when it was not asked. */
    sourceMs: number
  }
}

/** `always` for callers who may, `anonymous` for the rest: theirs is subject to the field's cool-down. */
export type Force = 'never' | 'anonymous' | 'always'

/** The value of a field: the stored one while it is fresh, else a fetched one. Rejects with a SOURCE_ error. */
export async function getFieldCache<T>(config: FieldCacheConfig<T>, forceRefresh = false): Promise<T> {
  return (await readFieldCache(config, forceRefresh ? 'always' : 'never')).data
}

/** Like `getFieldCache`, telling besides where the value came from and how old it is. */
export async function readFieldCache<T>(
  config: FieldCacheConfig<T>,
  force: Force = 'never',
  runtime: FieldRuntime = fieldRuntime(),
): Promise<FieldAnswer<T>> {
  const started = runtime.ports.clock.monotonic()
  const answer = await answerOf(runtime, config, force)
  runtime.ports.emit({
    type: 'field.read',
    field: config.name,
    status: answer.status,
    ageSeconds: answer.age,
    durationMs: runtime.ports.clock.monotonic() - started,
  })
  return answer
}

async function answerOf<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  force: Force,
): Promise<FieldAnswer<T>> {
  if (force === 'always' || (force === 'anonymous' && (await mayForce(runtime, config)))) {
    const refreshed = await forceRefresh(runtime, config, 'force')
    return answerFetched(runtime, config, refreshed, refreshed.stored ? 'refreshed' : 'miss')
  }
  const started = runtime.ports.clock.monotonic()
  const fresh = await readFresh(runtime, config)
  const cacheMs = runtime.ports.clock.monotonic() - started
  if (!fresh) return answerFetched(runtime, config, await fillOnMiss(runtime, config), 'miss', cacheMs)
  return {
    data: fresh.value,
    status: force === 'anonymous' ? 'cooldown' : 'hit',
    age: ageSeconds(fresh.fetchedAt, runtime.ports.clock.now()),
    timings: { cacheMs, sourceMs: 0 },
  }
}

async function answerFetched<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  refreshed: Refreshed,
  status: FieldStatus,
  cacheMs = 0,
): Promise<FieldAnswer<T>> {
  const { value, fetchedAt } = await openRefreshed(config, refreshed)
  const age = ageSeconds(fetchedAt, runtime.ports.clock.now())
  return { data: value, status, age, timings: { cacheMs, sourceMs: refreshed.sourceMs } }
}

/** The stored entry if it is fresh and fits the schema, else null; null as well when Redis could not be asked. */
async function readFresh<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
): Promise<{ value: T; fetchedAt: number } | null> {
  const { emit, clock } = runtime.ports
  const entry = await askStore(runtime, 'read', null, (store) => store.read(config.key))
  if (!entry) return null
  if (config.ttl !== 'forever' && clock.now() - entry.fetchedAt >= config.ttl * 1000) return null
  const checked = await checkSchema(config.schema, entry.value)
  if (checked.ok) return { value: checked.value, fetchedAt: entry.fetchedAt }
  emit({ type: 'field.rejected', field: config.name, reason: checked.reason })
  return null
}

/** Starts the cool-down of the field by the attempt. Without Redis nobody can tell, so nobody may force. */
async function mayForce(
  runtime: FieldRuntime,
  { key, anonymousForce }: FieldCacheConfig<unknown>,
): Promise<boolean> {
  if (anonymousForce === undefined) return false
  return askStore(runtime, 'cooldown', false, (store) =>
    store.claim('cooldown', key, 'forced', anonymousForce * 1000),
  )
}
