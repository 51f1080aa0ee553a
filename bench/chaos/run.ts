/** One run: a calm phase before each fault, with load and edits of the source all the time. */
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom } from '@/local/data/random'
import { sendOnce } from '@/local/engine/sendOnce'
import { type Cluster, startCluster } from './cluster'
import type { Availability, Fault } from './faults'
import { type Load, type Sample, startLoad } from './load'
import { LOADED_FIELDS } from './names'
import { inspectOutput, type OutputReport } from './output'
import type { Edit } from './source'

export interface RunOptions {
  /** How long the load runs, without the recovery after the last fault. */
  readonly seconds: number
  readonly seed: number
  readonly requestsPerSecond: number
  readonly faults: readonly Fault[]
  readonly progress?: (fault: string) => void
}

/** Times are monotonic, in ms. */
export interface Phase extends Availability {
  /** Undefined in a calm phase. */
  readonly fault: string | undefined
  readonly from: number
  readonly endedAt: number
  /** When every server had answered every field with a hit again; null for never. */
  readonly recoveredAt: number | null
  readonly to: number
  readonly upstream: number
  /** Fields whose entry the fault has removed. Checked only when the source failed. */
  readonly lost: readonly string[]
}

export interface RunRecord {
  readonly phases: readonly Phase[]
  readonly samples: readonly Sample[]
  readonly edits: readonly Edit[]
  readonly servers: number
  readonly output: OutputReport
}

const RECOVERY_WITHIN_MS = 45_000
/** Shortest calm phase and shortest faults, in ms. More than one expiry must fall into the failure of a source. */
const SHORTEST_MS = { calm: 800, redis: 1_000, source: 2_500 } as const
/** The end of the calm phase before the source fails, in ms. Longer than a fetch. */
const QUIET_MS = 600
const CALM_SHARE = 0.4
/** Between two edits of the source, in ms, plus or minus half. */
const EDIT_EVERY_MS = 600
const POLL_MS = 10

/** Needs the build of the site. */
export async function runChaos(options: RunOptions): Promise<RunRecord> {
  const cluster = await startCluster()
  const load = startLoad(cluster.servers, options, cluster.secrets)
  const editing = new AbortController()
  const edits = editAllTheTime(cluster, options.seed, editing.signal)
  edits.catch(() => undefined)
  const phases: Phase[] = []
  try {
    if ((await recovery(cluster, load, performance.now())) === null) {
      throw new Error(`the servers did not start to answer:\n${cluster.servers[0]?.process.output()}`)
    }
    const deadline = performance.now() + options.seconds * 1_000
    for (const [index, fault] of options.faults.entries()) {
      options.progress?.(fault.name)
      const share = (deadline - performance.now()) / (options.faults.length - index)
      const calmMs = Math.max(SHORTEST_MS.calm, share * CALM_SHARE)
      const shortest = fault.source === 'fails' ? SHORTEST_MS.source : SHORTEST_MS.redis
      const faultMs = Math.max(shortest, share - calmMs)
      phases.push(
        await calmPhase(cluster, load, fault, calmMs),
        await faultPhase(cluster, load, fault, faultMs),
      )
    }
    await load.stop()
    editing.abort()
    await edits
    return {
      phases,
      samples: load.samples,
      edits: cluster.source.edits,
      servers: cluster.servers.length,
      output: await inspectOutput(cluster),
    }
  } finally {
    editing.abort()
    await load.stop()
    await cluster.stop()
  }
}

async function calmPhase(cluster: Cluster, load: Load, next: Fault, milliseconds: number): Promise<Phase> {
  const { source } = cluster
  const [from, upstream] = [performance.now(), source.reads()]
  // After an invalidation there is no value to serve, and after a refresh none when a running fetch overwrites its value.
  // If the source failed then, failed reads would not be a fault of the cache.
  const harmless = next.source === 'works'
  load.changes = { refresh: true, invalidate: harmless }
  await delay(harmless ? milliseconds : milliseconds - QUIET_MS)
  load.changes = { refresh: harmless, invalidate: harmless }
  if (!harmless) await delay(QUIET_MS)
  const to = performance.now()
  return {
    fault: undefined,
    redis: 'works',
    source: 'works',
    from,
    endedAt: to,
    recoveredAt: to,
    to,
    upstream: source.reads() - upstream,
    lost: [],
  }
}

async function faultPhase(cluster: Cluster, load: Load, fault: Fault, milliseconds: number): Promise<Phase> {
  const { source } = cluster
  const [from, upstream] = [performance.now(), source.reads()]
  const before = fault.source === 'fails' ? await storedFields(cluster) : []
  await fault.begin(cluster, load)
  load.changes = { ...load.changes, refresh: true }
  await delay(milliseconds)
  const after = before.length > 0 ? await storedFields(cluster) : []
  await fault.end(cluster, load)
  const endedAt = performance.now()
  const recoveredAt = await recovery(cluster, load, endedAt)
  // Fetches from the fault must not count as calls of the calm phase.
  await load.answered()
  const { name, redis, source: sourceState } = fault
  return {
    fault: name,
    redis,
    source: sourceState,
    from,
    endedAt,
    recoveredAt,
    to: performance.now(),
    upstream: source.reads() - upstream,
    lost: before.filter((field) => !after.includes(field)),
  }
}

/** When every server had answered every field with a hit that was requested after `since`; null for never. */
async function recovery(cluster: Cluster, load: Load, since: number): Promise<number | null> {
  const wanted = cluster.servers.flatMap(({ name }) => LOADED_FIELDS.map((field) => `${name} ${field.name}`))
  const giveUpAt = since + RECOVERY_WITHIN_MS
  while (performance.now() < giveUpAt) {
    const hits = load.samples.filter(
      ({ operation, cache, sentAt }) => operation === 'read' && cache === 'hit' && sentAt >= since,
    )
    const first = wanted.map(
      (name) => hits.find(({ server, field }) => name === `${server} ${field}`)?.doneAt,
    )
    if (first.every((at) => at !== undefined)) return Math.max(...first)
    await delay(POLL_MS)
  }
  return null
}

async function storedFields({ redis, entryName }: Cluster): Promise<string[]> {
  const found = await Promise.all(
    LOADED_FIELDS.map(async ({ name, key }) => {
      const exists = await sendOnce(redis.engine.url, ['EXISTS', entryName(key)])
      return exists === 1 ? [name] : []
    }),
  )
  return found.flat()
}

async function editAllTheTime({ source }: Cluster, seed: number, signal: AbortSignal): Promise<void> {
  const random = createRandom(seed + 1)
  while (!signal.aborted) {
    await source.edit()
    await delay(EDIT_EVERY_MS * (0.5 + random()), undefined, { signal }).catch(() => undefined)
  }
}
