/** What clients do to the key of a field by the commands of the app, and what is written down of it. */

import type { Operation } from '../plan'
import type { SimProcess } from '../process'
import { FETCH_TIMEOUT_MS } from '../times'
import type { Value } from '../value'
import type { FetchSpan } from '../watching/history'
import type { Scene } from './scene'

export async function throughDoors(
  scene: Scene,
  process: SimProcess,
  operation: Extract<Operation, { do: 'remove' | 'set' | 'get' }>,
): Promise<void> {
  const { universe, history, phase } = scene
  const { field } = operation
  const config = process.fields[field]
  const doors = await process.cache.doors
  if (!config || !doors) return
  const from = universe.step()
  const acknowledge = (by: 'invalidation' | 'set') =>
    history.acknowledged.push({
      from,
      to: universe.step(),
      phase,
      at: universe.now(),
      process: process.number,
      fields: [field],
      by,
    })
  if (operation.do === 'get') {
    const at = universe.now()
    const value = await doors.get<Value>(config.key)
    // What is no entry is out of reach of all but the doors that remove keys.
    if (value === null || history.fetches[value.fetch]?.plain) return
    const read = { phase, process: process.number, field, tags: [], at, forced: false, fetch: value.fetch }
    history.reads.push({ ...read, status: 'got', from, to: universe.step() })
  } else if (operation.do === 'remove') {
    await process.invalidating(() => doors.remove(config, operation.by))
    acknowledge('invalidation')
  } else {
    const fetch = valueOfSet(scene, process, field)
    let outcome: unknown = null
    await process.invalidating(async () => {
      outcome = await doors.set(config.key, { fetch, parts: [] } satisfies Value)
    })
    if (outcome !== 'OK') return
    history.during['a value that was set'] = true
    acknowledge('set')
  }
  universe.log(`p${process.number}: ${Object.values(operation).join(' ')} is done`)
}

/** A value that is set counts as fetched when the command is sent that stores it. */
function valueOfSet({ universe, history }: Scene, { number }: SimProcess, field: number): number {
  const fetch: FetchSpan = {
    began: universe.step(),
    at: universe.now(),
    process: number,
    field,
    reason: 'set',
    anonymous: false,
    fetcher: 0,
    timeoutMs: FETCH_TIMEOUT_MS,
    tags: [],
    parts: [],
    ended: 'answered',
  }
  history.fetches.push(fetch)
  return history.fetches.length - 1
}
