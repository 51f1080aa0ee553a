/** One run: the processes of a plan over one Redis, in the order that the scheduler draws. */
import type fc from 'fast-check'
import { defineFields } from '@/lib/core-services/cache/fields/fieldConfig'
import { createMemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { never } from '../../kit/clock/deferred'
import { createUniverse } from '../../kit/simulation/universe'
import type { StartCache } from './cacheUnderTest'
import { fieldKey } from './names'
import { createNetwork } from './network'
import { perform } from './operations/operate'
import { populate, type Scene } from './operations/scene'
import type { Client, Plan } from './plan'
import { startShippedCache } from './shippedCache'
import { createSource } from './source'
import { emptyHistory, type History } from './watching/history'
import { noticeIn } from './watching/notice'
import { createWatch } from './watching/watch'

export async function live(
  scheduler: fc.Scheduler,
  plan: Plan,
  startCache: StartCache = startShippedCache,
): Promise<History> {
  const universe = createUniverse(scheduler)
  const history = emptyHistory(plan, universe.story)
  const redis = createMemoryRedis(universe.now)
  const watch = createWatch(universe, redis, plan, history)
  const { track, judge } = createTracker(history)
  configure(plan)
  const scene = populate({
    universe,
    history,
    redis,
    watch,
    plan,
    startCache,
    track,
    notice: (event, process) => {
      noticeIn(history, event, process)
      watch.hears(event, process)
    },
    network: createNetwork(universe, plan, watch),
    source: createSource(universe, plan, history, watch),
    phase: 0,
    forcing: 0,
  })
  for (const clients of plan.phases) await act(scene, clients)
  // What everybody finds in the end counts as well: requests that were late have arrived by now.
  const operations = plan.fields.map((_, field) => ({ do: 'read', field }) as const)
  await act(
    scene,
    plan.clocks.map((_, process) => ({ process, operations })),
  )
  judge()
  history.endedAt = universe.now()
  return history
}

/** Whatever is not configured belongs to a family. */
function configure({ fields }: Plan): void {
  const configured = fields.map(({ ttl }, field) => {
    const name = fieldKey(field)
    return { name, key: name, ttl, fetcher: never }
  })
  defineFields(configured.filter((_, field) => !fields[field]?.family))
}

async function act(scene: Scene, clients: readonly Client[]): Promise<void> {
  for (const { process, operations } of clients) {
    void (async () => {
      for (const operation of operations) await perform(scene, process, operation)
    })().catch(() => undefined)
  }
  await scene.universe.settle()
  scene.phase += 1
}

/** Whatever is begun has to end: with an answer, with an error that may be, or with its process. */
function createTracker(history: History) {
  const open = new Map<Promise<void>, string>()
  const bugs: unknown[] = []
  return {
    track(label: string, work: Promise<void>): void {
      open.set(work, label)
      work.catch((error: unknown) => bugs.push(error)).finally(() => open.delete(work))
    },
    /** Throws what may not be thrown, and notes what has not ended. */
    judge(): void {
      if (bugs.length > 0) throw bugs[0]
      history.unfinished.push(...open.values())
    },
  }
}
