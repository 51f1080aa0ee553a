/** One world: three processes over one Redis and one base, from the first edit to the time when all is quiet again. */

import { webhookSecrets } from '@/lib/core-services/airtable/airtableConfig'
import type { AirtableField } from '@/lib/core-services/airtable/airtableField'
import { DELTA_LIMITS, type DeltaLimits } from '@/lib/core-services/airtable/changelog/syncLimits'
import { hookStore } from '@/lib/core-services/airtable/changelog/webhookStore'
import { maintainWebhooks } from '@/lib/core-services/airtable/webhooks/maintainWebhooks'
import { announcePing, drainPingQueue } from '@/lib/core-services/airtable/webhooks/pingQueue'
import { airtableWebhooks, createWebhookSync } from '@/lib/core-services/airtable/webhooks/webhookSync'
import { ownGuard } from '@/lib/core-services/cache/entry/versionTokens'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { AnyField, FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { refreshDueFields } from '@/lib/core-services/cache/operations/scheduledRefresh'
import { fieldRuntime } from '@/lib/core-services/cache/processContext'
import { hasCode, isCodedError } from '@/lib/shared/errors'
import type { FieldCacheEvent } from '@/lib/shared/events'
import { createMemoryRedis, type MemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { createRandom } from '@/local/data/random'
import { refetched } from '../../../kit/airtable/refetched'
import { setEnvironment } from '../../../kit/process/environment'
import { keySpace } from '../../../kit/simulation/network'
import { inTurn } from '../../../kit/simulation/plan'
import { createTimeline, type Timeline } from '../../../kit/simulation/timeline'
import { type Edited, write, writeElsewhere } from './edits'
import { derivedFrom, FIELDS, makePerson, OFFICES, PEOPLE, table } from './fields'
import type { Operation, Script } from './script'
import { BASE, createSimAirtable, EPOCH } from './simAirtable'
import { type SimProcess, type Surroundings, startProcess } from './simProcess'

export interface History {
  /** What readers get in the end, and what a full refetch makes, by field. */
  found: Record<string, unknown>
  expected: Record<string, unknown>
  events: { at: number; process: number; event: FieldCacheEvent }[]
  story: string[]
  bugs: string[]
  /** From when on nothing goes wrong any more, in ms. */
  quietAt: number
}

interface World extends Edited {
  script: Script
  timeline: Timeline
  redis: MemoryRedis
  fields: readonly AirtableField<unknown>[]
  derived: FieldCacheConfig<unknown>
  limits: DeltaLimits
  hook: string
  processes: SimProcess[]
  started: number
  /** Nothing goes wrong any more. */
  quiet: boolean
  history: History
  surroundings: Surroundings
}

export async function live(script: Script): Promise<History> {
  const world = createWorld(script)
  const { timeline, history } = world
  const acting = act(world)
  await timeline.settle()
  await acting
  await finish(world)
  return history
}

function createWorld(script: Script): World {
  const timeline = createTimeline()
  const random = createRandom(script.seed)
  const history: History = { found: {}, expected: {}, events: [], story: [], bugs: [], quietAt: 0 }
  const nextDelivery = inTurn(script.deliveries, [])
  const records = Array.from({ length: script.people }, (_, index) =>
    makePerson(index, index, index % 3 === 2 ? 1 : 0),
  )
  const airtable = createSimAirtable([{ ...PEOPLE, records }, OFFICES], timeline.now, (webhook) => {
    const drawn = nextDelivery()
    const copies = drawn.length === 0 && script.last === 'nothing' ? [{ delay: 400, process: 0 }] : drawn
    if (world.quiet) void deliver(world, webhook, timeline.now(), { delay: 0, process: 0 })
    else for (const copy of copies) void deliver(world, webhook, timeline.now(), copy)
  })
  airtable.settings.readLagMs = script.lag
  table.syncEvery = script.rest
  airtable.settings.splitPayloads = script.splits
  const redis = createMemoryRedis(timeline.now)
  const fields = script.fields.map((kind) => FIELDS[kind])
  const derived = derivedFrom(fields[0] as AirtableField<unknown>)
  const limits = { ...DELTA_LIMITS, smallView: script.smallView, mostShare: script.mostShare }
  const surroundings: Surroundings = {
    timeline,
    redis,
    airtable,
    fields: [...fields, derived],
    limits,
    way(to) {
      const draw = random() * 1_000
      const usual = Math.round(to === 'redis' ? 1 + random() * 20 : 20 + random() * 180)
      if (world.quiet) return { milliseconds: usual, lost: false }
      if (draw < script.stalls) return { milliseconds: 13_000, lost: false }
      return { milliseconds: usual, lost: to === 'redis' && draw > 1_000 - script.losses }
    },
    emit: (process, event) => {
      history.events.push({ at: timeline.now(), process, event })
      history.story.push(`${Math.round(timeline.now())} p${process} ${JSON.stringify(event)}`)
      if (event.type === 'request.failed') history.bugs.push(event.message)
    },
  }
  const world: World = {
    script,
    timeline,
    airtable,
    redis,
    fields,
    derived,
    limits,
    history,
    surroundings,
    hook: '',
    processes: [],
    deleted: [],
    started: 0,
    writes: 0,
    quiet: true,
  }
  const { id, macSecretBase64 } = airtable.hooks.create({
    specification: { options: { filters: { dataTypes: ['tableData'] } } },
  })
  world.hook = id
  world.quiet = false
  setEnvironment({ AIRTABLE_WEBHOOK_SECRETS: `${id}:${macSecretBase64}` })
  for (let number = 0; number < 3; number += 1)
    world.processes.push(startProcess(surroundings, world.started++))
  return world
}

async function act(world: World): Promise<void> {
  const { timeline, script, history } = world
  for (const { after, operation } of script.steps) {
    await timeline.sleep(after)
    history.story.push(`${Math.round(timeline.now())} ${JSON.stringify(operation)}`)
    perform(world, operation)
  }
}

const at = (world: World, process: number): SimProcess => world.processes[process % 3] as SimProcess

function perform(world: World, operation: Operation): void {
  const { airtable, redis, fields } = world
  const all: readonly AnyField[] = [...fields, world.derived]
  const field = 'field' in operation ? all[operation.field % all.length] : undefined
  const process = 'process' in operation ? at(world, operation.process) : undefined
  if (operation.do === 'write') write(world, operation.edits)
  if (operation.do === 'write elsewhere') writeElsewhere(world)
  if (operation.do === 'ping') airtable.act({ do: 'ping' })
  if (operation.do === 'crash' && process) {
    process.kill()
    world.processes[operation.process % 3] = startProcess(world.surroundings, world.started++)
  }
  if (operation.do === 'evict' && field) {
    const names = {
      entry: keySpace.physical(field.key),
      'own token': keySpace.internal('token', ownGuard(field.key)),
      hook: keySpace.internal('webhook', world.hook),
    }
    redis.evict(names[operation.what])
  }
  if (!field || !process) return
  if (operation.do === 'read') background(world, process, () => readFieldCache(field))
  if (operation.do === 'force') background(world, process, () => readFieldCache(field, 'always'))
  if (operation.do === 'invalidate') background(world, process, () => invalidateField(field))
  if (operation.do === 'cron') background(world, process, () => cron(world))
}

/** Failures are told by events; only what has no code is a bug. */
function background({ history }: World, process: SimProcess, work: () => Promise<unknown>): void {
  process.run(work).catch((error: unknown) => {
    history.story.push(`p${process.number} rejects: ${error}`)
    if (!isCodedError(error)) history.bugs.push(String(error instanceof Error ? error.stack : error))
  })
}

/** Airtable rings again where it is not answered that a ping was noted. */
const RINGS = 13
const RINGS_AGAIN_MS = 10_000

async function deliver(
  world: World,
  webhookId: string,
  sentAt: number,
  copy: { delay: number; process: number },
): Promise<void> {
  const { timeline } = world
  const ping = { baseId: BASE, webhookId, sentAt: EPOCH + sentAt }
  await timeline.sleep(copy.delay)
  let answered = false
  for (let ring = 0; ring < RINGS && !answered; ring += 1) {
    background(world, at(world, copy.process + ring), async () => {
      const noted = await announcePing(ping, fieldRuntime())
      answered = true
      if (noted) await drainPingQueue(ping, createSync(world), fieldRuntime())
    })
    await timeline.sleep(RINGS_AGAIN_MS)
  }
}

function createSync({ fields, limits }: World) {
  return createWebhookSync(fields, { limits })
}

async function cron(world: World): Promise<void> {
  const runtime = fieldRuntime()
  const fields: AnyField[] = [...world.fields]
  await refreshDueFields(
    fields,
    {
      budgetMs: 600_000,
      enabled: true,
      maintain: (remainingMs) =>
        maintainWebhooks({
          fields,
          remainingMs,
          runtime,
          secrets: webhookSecrets(),
          api: airtableWebhooks,
          sync: createSync(world),
          store: hookStore(runtime),
        }),
    },
    runtime,
  )
}

/** Longer than any lock, lease or cool-down of the dead is kept, in ms. */
const QUIET_MS = 60_000

async function pass(timeline: Timeline, milliseconds: number): Promise<void> {
  const passed = timeline.sleep(milliseconds)
  await timeline.settle()
  await passed
}

async function finish(world: World): Promise<void> {
  const { timeline, airtable, history, script } = world
  world.quiet = true
  history.quietAt = timeline.now()
  await pass(timeline, QUIET_MS)
  history.story.push(`${Math.round(timeline.now())} the last ${script.last}`)
  if (script.last === 'ping') airtable.act({ do: 'ping' })
  if (script.last === 'cron') background(world, at(world, 0), () => cron(world))
  await timeline.settle()
  // What the first reader finds to be forgotten is carried on after its answer.
  const rounds = script.last === 'nothing' ? [0, 1, 2] : [1]
  for (const round of rounds) {
    for (const field of [...world.fields, world.derived]) {
      background(world, at(world, round), async () => {
        history.found[field.name] = (await readFieldCache(field)).data
      })
    }
    await pass(timeline, 5_000)
  }
  airtable.settings.readLagMs = 0
  for (const field of world.fields) {
    background(world, at(world, 2), async () => {
      history.expected[field.name] = await reread(field, history.found[field.name])
    })
  }
  await timeline.settle()
  const [first] = world.fields
  const of = first && history.expected[first.name]
  if (of !== undefined) history.expected.derived = { of }
}

/** What a full read makes of what is served: a record that cannot be read stays, and so does what it must not replace. */
async function reread(field: AirtableField<unknown>, served: unknown): Promise<unknown> {
  try {
    return await refetched(field, served)
  } catch (error) {
    if (!hasCode(error, 'SOURCE_INVALID')) throw error
    return served
  }
}
