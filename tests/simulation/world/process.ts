/** A process: a cache with clocks of its own, which can die at any await, and then does nothing any more. */

import type { FetchContext } from '@/lib/core-services/cache/fields/fieldConfig'
import { nameFunctions } from '@/lib/core-services/cache/fields/shareKey'
import type { FieldCacheEvent } from '@/lib/shared/events'
import { createProcess } from '../../kit/simulation/process'
import type { Universe } from '../../kit/simulation/universe'
import type { CacheUnderTest, SimField, StartCache } from './cacheUnderTest'
import type { ForceOptions } from './forceOptions'
import { fieldKey } from './names'
import type { Connection, Network } from './network'
import type { FieldPlan, Plan } from './plan'
import type { Asked, Source } from './source'
import { FETCH_TIMEOUT_MS, STALE_SECONDS } from './times'
import { inEuros, ofRelease, type Value } from './value'
import type { Watch } from './watching/watch'

export interface SimProcess {
  /** No other process of the run has it, the successor of a dead one neither. */
  number: number
  cache: CacheUnderTest
  fields: readonly SimField[]
  /** A configuration of the same key with other tags. */
  under(field: number, tags: readonly string[]): SimField
  /** The configuration for which a force is asked. */
  asking(field: number, options: ForceOptions, tags?: readonly string[]): SimField
  /** Resolves when it dies. */
  died: Promise<void>
  kill(): void
  freeze(milliseconds: number): void
  /** Marks what is sent meanwhile as part of an invalidation. */
  invalidating(work: () => Promise<void>): Promise<void>
}

export interface World {
  universe: Universe
  network: Network
  source: Source
  watch: Watch
  plan: Plan
  startCache: StartCache
  /** Told of everything that a cache tells. */
  notice(event: FieldCacheEvent, process: number): void
  /** Sees that what was begun ends, and ends well. */
  track(label: string, work: Promise<void>): void
}

export function startProcess(world: World, number: number, place: number): SimProcess {
  const { notice } = world
  const { universe, network, source, watch, plan } = world
  const { [place]: clockSkew = 0 } = plan.clocks
  const { [place]: release } = plan.releases ?? []
  const life = createProcess({
    time: universe,
    number,
    ahead: clockSkew,
    ports: {
      emit: (event) => notice(event, number),
      defer: (work) => world.track(`p${number}: background work`, Promise.race([work(), died])),
    },
  })
  const { ports, died } = life
  const fetched = (field: number, context: FetchContext, asked: Asked): Promise<Value> =>
    life.run(async () => {
      const value = await source.fetch(number, field, context, asked)
      return release === undefined ? value : { ...value, release }
    })
  const under = (field: number, tags: readonly string[]): SimField => {
    const { ttl, memoryTtl = 0, dependsOn, converts } = plan.fields[field] as FieldPlan
    return {
      name: fieldKey(field),
      key: fieldKey(field),
      tags,
      ttl,
      memoryTtl,
      ...(converts ? { schema: inEuros } : {}),
      ...(release !== undefined ? { schema: ofRelease(release) } : {}),
      ...(dependsOn ? { dependsOn: ({ parts }) => parts } : {}),
      staleWhileRevalidate: STALE_SECONDS,
      staleIfError: STALE_SECONDS,
      fetcher: (context) => fetched(field, context, { tags, fetcher: 0 }),
    }
  }
  const fields = plan.fields.map(({ tags }, field) => under(field, tags))
  // Each instance evaluates the module of its fields.
  for (const [field, config] of fields.entries()) if (!plan.fields[field]?.family) nameFunctions(config)
  /** Other fetchers of the same keys, as those who refresh a key bring their own. */
  const others = plan.fields.map(({ tags }, field) => {
    const other: SimField['fetcher'] = (context) => fetched(field, context, { tags, fetcher: 1 })
    return other
  })
  const asking = (
    field: number,
    { by, ttl, fetcher, timeoutMs }: ForceOptions,
    tags?: readonly string[],
  ): SimField => ({
    ...(tags ? under(field, tags) : (fields[field] as SimField)),
    ttl,
    ...(fetcher === 1 && !tags ? { fetcher: others[field] as SimField['fetcher'] } : {}),
    ...(timeoutMs !== FETCH_TIMEOUT_MS ? { advanced: { timeoutMs } } : {}),
    ...(by === 'anonymous' ? { anonymousForce: 1 } : {}),
  })
  let invalidations = 0
  const sendTogether: Connection['sendTogether'] = (commands) =>
    life.run(() => network.request(commands, { process: number, invalidates: invalidations > 0 }))
  const connection: Connection = {
    sendTogether,
    send: async (...command) => (await sendTogether([command]))[0] ?? null,
  }
  return {
    number,
    cache: world.startCache({
      connection,
      ports,
      fields,
      release,
      goesUncached: () => watch.goesUncached(number),
    }),
    fields,
    under,
    asking,
    died,
    async invalidating(work) {
      invalidations += 1
      try {
        await work()
      } finally {
        invalidations -= 1
      }
    },
    freeze(milliseconds) {
      life.standStill(milliseconds)
      universe.passUntil(universe.now() + milliseconds)
    },
    kill() {
      source.die(number)
      life.kill()
    },
  }
}
