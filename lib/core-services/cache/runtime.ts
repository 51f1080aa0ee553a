/** Builds the runtime of a process: the one place that a new member of it is added to. Tests and the simulation build theirs here. */
import type { CodedError } from '../../shared/errors'
import type { Ports } from '../../shared/ports'
import { createSingleFlight } from '../../shared/singleFlight'
import type { Locks } from './coordination/locks'
import type { ClaimableRecords } from './coordination/records'
import type { CipherFor } from './entry/encryption'
import type { AsideRuntime, CronRuntime } from './fields/fieldRuntime'
import { createHints } from './fields/memory/fieldHints'
import { createMemoryCache } from './fields/memory/memoryCache'
import type { EntryHeaders } from './fields/store/entryHeaders'
import type { FieldStore } from './fields/store/fieldStore'
import type { WatchRuntime } from './operations/watchRuntime'
import type { PatternCommands } from './redis/commands/wire'
import { createReachability, type Patience } from './redis/transport/reachability'

export type ProcessRuntime = CronRuntime & AsideRuntime & WatchRuntime

/** Each is read when it is needed: a hit needs no configuration. */
export interface RuntimeSettings {
  /** What tells this release of the app from others that run at the same time. */
  readonly deployment: string
  /** Deadline of a whole refresh, in ms. */
  readonly refreshTimeoutMs: number
  /** How many keys one call of the source is asked for at most. */
  readonly batchSize: number
  /** Memory for values, in bytes; 0 turns it off. */
  readonly memoryBytes: number
  readonly patience: Patience
  /** Undefined without a key for encryption. */
  readonly cipherFor: CipherFor | undefined
}

/** What a runtime takes from the cache service. */
export interface RuntimeServices {
  fieldStore: FieldStore
  lock: Locks
  sharedRecords: ClaimableRecords
  entryHeaders: EntryHeaders
  attempt<T>(
    run: (redis: PatternCommands) => Promise<T>,
  ): Promise<{ ok: true; value: T } | { ok: false; error: CodedError }>
}

export interface RuntimeParts {
  ports: Ports
  settings: RuntimeSettings
  /** What the process keeps under the name of a member of the runtime; made on first use. */
  remember<T>(member: keyof ProcessRuntime, create: () => T): T
  /** Asked for when it is used. Rejects with CACHE_UNAVAILABLE when it has not started. */
  services(): Promise<RuntimeServices>
  /** Redacts what may not be shown from an error message of a source. */
  clean(text: string): string
}

export function createRuntime({ ports, settings, remember, services, clean }: RuntimeParts): ProcessRuntime {
  const { clock } = ports
  return {
    ports,
    clean,
    singleFlight: remember('singleFlight', createSingleFlight),
    hints: remember('hints', createHints),
    memoryCache: remember('memoryCache', () => createMemoryCache(settings.memoryBytes, clock)),
    seen: remember('seen', () => new Map()),
    runs: remember('runs', () => new Map()),
    get reachability() {
      return remember('reachability', () => createReachability(settings.patience, clock))
    },
    get cipherFor() {
      return remember('cipherFor', () => settings.cipherFor)
    },
    get deployment() {
      return settings.deployment
    },
    get refreshTimeoutMs() {
      return settings.refreshTimeoutMs
    },
    get batchSize() {
      return settings.batchSize
    },
    store: async () => (await services()).fieldStore,
    locks: async () => (await services()).lock,
    sharedRecords: async () => (await services()).sharedRecords,
    entryHeaders: async () => (await services()).entryHeaders,
    async removeByPattern(glob) {
      const removed = await (await services()).attempt((redis) => redis.deleteByPattern(glob))
      if (removed.ok) return removed.value
      throw removed.error
    },
  }
}
