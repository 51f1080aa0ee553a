/** What clients do, and what is written down of it. */
import { isCodedError } from '@/lib/shared/errors'
import type { Operation } from '../plan'
import { type SimProcess, startProcess } from '../process'
import type { Acknowledged, History } from '../watching/history'
import { throughDoors } from './operateDoors'
import { force, read } from './operateReads'
import type { Scene } from './scene'

/** Ends with the operation, or with the death of its process. */
export async function perform(scene: Scene, place: number, operation: Operation): Promise<void> {
  const process = scene.processes[place % scene.processes.length] as SimProcess
  const { history, universe } = scene
  const label = `p${process.number}: ${textOf(operation)}`
  universe.log(label)
  const done = run(scene, process, operation).catch((error: unknown) => {
    // A source that is down and an invalidation that was not recorded are told; anything else is a bug.
    if (!isCodedError(error)) throw error
    universe.log(`${label} is rejected: ${error.code}`)
    const { failed: sourceFailed } = scene.source
    const { failed: requestFailed } = scene.network
    const { number } = process
    history.rejections.push({
      operation: operation.do,
      process: number,
      code: error.code,
      sourceFailed,
      requestFailed,
    })
  })
  const ended = Promise.race([done, process.died])
  scene.track(label, ended)
  await ended
}

async function run(scene: Scene, process: SimProcess, operation: Operation): Promise<void> {
  const { universe, history, redis, watch } = scene
  switch (operation.do) {
    case 'read':
      return read(scene, process, operation)
    case 'force':
      scene.forcing += 1
      if (scene.forcing > 1) history.during['overlapping forces'] = true
      try {
        return await Promise.race([force(scene, process, operation), process.died])
      } finally {
        scene.forcing -= 1
      }
    case 'invalidate tag':
    case 'invalidate field':
      return invalidate(scene, process, operation)
    case 'remove':
    case 'set':
    case 'get':
      return throughDoors(scene, process, operation)
    case 'evict': {
      await universe.turn('an eviction')
      const names = redis.names()
      const { which } = operation
      const name =
        typeof which === 'string'
          ? names.find((one) => one.endsWith(which))
          : names[which % Math.max(1, names.length)]
      if (name === undefined) return
      if (isFetching(history)) history.during['eviction between read and write'] = true
      universe.log(`Redis drops ${name}`)
      history.evictions.push({ phase: scene.phase, name })
      return watch.evict(name)
    }
    case 'wait':
      await universe.turn('waiting')
      return universe.passUntil(universe.now() + operation.milliseconds)
    case 'crash':
      for (let turn = 0; turn <= operation.turns; turn += 1) await universe.turn('a crash is near')
      return crash(scene, operation.process % scene.processes.length)
    case 'freeze':
      await universe.turn('a process freezes')
      return scene.processes[operation.process % scene.processes.length]?.freeze(operation.milliseconds)
  }
}

async function invalidate(
  { universe, history, plan, phase }: Scene,
  process: SimProcess,
  operation: Extract<Operation, { do: 'invalidate tag' | 'invalidate field' }>,
): Promise<void> {
  const from = universe.step()
  const acknowledge = (what: Pick<Acknowledged, 'fields' | 'tag'>) =>
    history.acknowledged.push({
      ...what,
      from,
      to: universe.step(),
      phase,
      at: universe.now(),
      process: process.number,
      by: 'invalidation',
    })
  if (isFetching(history)) history.during['invalidation during a fetch'] = true
  if (history.fetches.some(({ ended }) => ended === 'paused'))
    history.during['an invalidation between two parts of a fetch'] = true
  if (operation.do === 'invalidate tag') {
    await process.invalidating(() => process.cache.invalidateTags([operation.tag]))
    const fields = plan.fields.flatMap(({ tags }, field) => (tags.includes(operation.tag) ? [field] : []))
    acknowledge({ fields, tag: operation.tag })
  } else {
    const config = process.fields[operation.field % process.fields.length]
    if (!config) return
    await process.invalidating(() => process.cache.invalidateField(config))
    acknowledge({ fields: [operation.field] })
  }
  universe.log(`p${process.number}: ${textOf(operation)} is done`)
}

function crash(scene: Scene, place: number): void {
  const dead = scene.processes[place]
  if (!dead) return
  dead.kill()
  scene.universe.log(`p${dead.number} dies, p${scene.started} takes its place`)
  scene.processes[place] = startProcess(scene, scene.started, place)
  scene.started += 1
}

function textOf(operation: Operation): string {
  return Object.values(operation)
    .map((one) => (typeof one === 'object' && !Array.isArray(one) ? JSON.stringify(one) : String(one)))
    .join(' ')
}

function isFetching({ fetches }: History): boolean {
  return fetches.some(({ ended }) => ended === 'running')
}
