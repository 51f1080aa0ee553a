/** What clients read and force, and what is written down of it. */

import { defaultForceOptions, type ForceOptions, reasonsFor } from '../forceOptions'
import type { Operation } from '../plan'
import type { SimProcess } from '../process'
import { EUROS, type Value } from '../value'
import type { AskedForce, History, ReadSpan } from '../watching/history'
import type { Scene } from './scene'

export async function read(
  scene: Scene,
  process: SimProcess,
  { field, tags }: Extract<Operation, { do: 'read' }>,
): Promise<void> {
  const config = tags ? process.under(field, tags) : process.fields[field]
  if (!config) return
  await answered(scene, process, { field, tags: config.tags ?? [] }, () => process.cache.read(config, false))
}

export async function force(
  scene: Scene,
  process: SimProcess,
  { field, tags, options: differs }: Extract<Operation, { do: 'force' }>,
): Promise<void> {
  const { history, universe, plan } = scene
  const [planned] = plan.fields.slice(field)
  if (!planned) return
  const plain = defaultForceOptions(planned)
  const options = { ...plain, ...differs }
  const config = process.asking(field, options, tags)
  const { cache, number } = process
  const forced = () => (differs && cache.force ? cache.force(config, options) : cache.read(config, true))
  const asked = { process: number, field, options, from: universe.step(), to: Number.POSITIVE_INFINITY }
  noteDiffering(history, asked)
  history.asked.push(asked)
  const failedPurges = history.failedPurges.get(number)
  const about = { field, tags: config.tags ?? [], options }
  const ask = () => answered(scene, process, about, forced)
  try {
    if (!options.purge) return void (await ask())
    let span: ReadSpan | undefined
    await process.invalidating(async () => {
      span = await ask()
    })
    if (span && failedPurges === history.failedPurges.get(number)) notePurge(scene, span)
  } finally {
    asked.to = universe.step()
  }
}

async function answered(
  { universe, history, phase, plan }: Scene,
  { number: process }: SimProcess,
  { field, tags, options }: Pick<ReadSpan, 'field' | 'tags' | 'options'>,
  ask: () => Promise<{ data: Value; status: string }>,
): Promise<ReadSpan> {
  const from = universe.step()
  const at = universe.now()
  const { data, status } = await ask()
  const to = universe.step()
  const fetch = typeof data?.fetch === 'number' ? data.fetch : -1
  const what = options ? 'force' : 'read'
  universe.log(`p${process}: ${what} of field ${field} is answered: ${status}, fetch ${fetch}`)
  // One without the token is a read where it was declined, and its answer need not tell which it was.
  const forced = options !== undefined && (options.by !== 'anonymous' || status === 'refreshed')
  const last = data?.last ?? fetch
  const span = { from, to, phase, process, field, tags, at, status, forced, fetch, last }
  const known: ReadSpan = forced ? { ...span, options } : span
  if (forced) noteShared(history, known)
  history.reads.push(known)
  if (plan.fields[field]?.converts && data?.price !== EUROS) {
    history.seen.convertedAnew.push(
      `fetch ${fetch} of field ${field} was read as ${data?.price} instead of ${EUROS}`,
    )
  }
  if (status === 'refreshed')
    history.acknowledged.push({
      from: countsFrom(history, known),
      to,
      phase,
      at: universe.now(),
      process,
      fields: [field],
      by: 'force',
    })
  return known
}

/** A force that took several fetches counts from the first of them. */
function countsFrom({ fetches }: History, { from, fetch, options }: ReadSpan): number {
  const { reason = '', began = from } = fetches[fetch] ?? {}
  const mayGoOn = options?.by === 'cron' || options?.by === 'change' || reason === 'force'
  return mayGoOn ? Math.min(from, began) : from
}

/** What Redis would not store it has let go of in a purge, and nothing older may come back. */
function notePurge({ history, universe, phase }: Scene, span: ReadSpan): void {
  const { process, field, status, last = -1 } = span
  if (status !== 'miss' || !history.fetches[last]?.refused) return
  history.during['a purge that has removed what stood'] = true
  const [from, at] = [countsFrom(history, span), universe.now()]
  history.acknowledged.push({ from, to: span.to, phase, at, process, fields: [field], by: 'purge' })
}

const isAlike = (one: ForceOptions, other: ForceOptions) => JSON.stringify(one) === JSON.stringify(other)

function noteDiffering({ asked, during }: History, { process, field, options }: AskedForce): void {
  const runs = asked.filter(
    (one) => one.process === process && one.field === field && one.to === Number.POSITIVE_INFINITY,
  )
  if (runs.some((one) => !isAlike(one.options, options)))
    during['forces of one field and process that differ'] = true
}

function noteShared(
  { reads, fetches, during }: History,
  { process, from, fetch, last, options }: ReadSpan,
): void {
  const { process: fetchedBy, reason, began = from } = fetches[last ?? fetch] ?? {}
  if (fetchedBy !== process) during['a force that takes what another one has fetched'] = true
  const shared = reads.some((one) => one.options && one.process === process && one.last === last)
  if (shared && fetchedBy === process) during['a force that shares its fetch with a like one'] = true
  if (options?.by === 'cron' && reason === 'force')
    during['a force of the cron that is served by that of a user'] = true
  const goesOn = (fetches[fetch]?.began ?? began) < from && last !== fetch
  if (goesOn && options && reasonsFor(options).length === 1)
    during['a force that goes on with what another one has read'] = true
}
