import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Deferred, deferred } from '../kit/clock/deferred'
import { type Cluster, clusterForThisFile, fieldOf } from '../kit/process/cluster'
import type { Answered, Worker, WorkerField } from '../kit/process/workers'

const cluster = clusterForThisFile()

const FIELDS = 30
const ROUNDS = 8
const TIMEOUT_MS = 60_000
/** In which instances answer from memory, in s: they may be late by that, and half of the fields have it. */
const MEMORY_TTL = 0.05

/** What the source holds for a key; `slow` makes its next answer wait. */
interface Row {
  version: number
  slow?: { asked: Deferred<void>; answer: Deferred<void> } | undefined
}

const rows = new Map<string, Row>()

/** Brings what it held when it was asked, as every source does. */
async function buildAnswer(key: string): Promise<{ text: string }> {
  const row = rows.get(key) ?? { version: 0 }
  const { version, slow } = row
  row.slow = undefined
  slow?.asked.resolve()
  await slow?.answer.promise
  return { text: String(version) }
}

/** What makes the old value unfit, and the answers that must bring the new one already. */
const RENEWALS: ((worker: Worker, field: WorkerField) => Promise<Answered[]>)[] = [
  async (worker, field) => worker.invalidateField(field).then(() => []),
  async (worker, field) => worker.invalidateTags(field.tags ?? []).then(() => []),
  async (worker, field) => [await worker.force(field)],
]

/** When the overtaken fetch of a round gets its answer: before the renewal, during it, after it, or after a read that follows. */
const MOMENTS = ['before', 'during', 'after', 'at last'] as const

/** Each process gets each part. */
function turned([one, two, three]: Cluster['workers'], round: number): Cluster['workers'] {
  if (round % 3 === 0) return [one, two, three]
  return round % 3 === 1 ? [two, three, one] : [three, one, two]
}

/**
 * Rounds in each of which one process reads, or forces, while another one renews the field, and a third one waits.
 * Resolves with what was wrong.
 */
async function playRounds(key: string, memoryTtl: number): Promise<string[]> {
  const { workers } = cluster
  const windows = { staleWhileRevalidate: 600, staleIfError: 600 }
  const field = fieldOf(cluster, key, { tags: [`tag of ${key}`], memoryTtl, ...windows })
  const row: Row = { version: 0 }
  rows.set(key, row)
  const wrong: string[] = []
  const overtaken: Promise<Answered[]>[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    const [reader, renewer, other] = turned(workers, round)
    const renew = RENEWALS[round % RENEWALS.length] as (typeof RENEWALS)[number]
    const moment = MOMENTS[round % MOMENTS.length]
    const slow = { asked: deferred<void>(), answer: deferred<void>() }
    row.slow = slow
    await other.invalidateField(field)
    await pause(memoryTtl * 1000)
    const fetching = round % 2 === 0 ? reader.read(field, 2) : reader.force(field)
    await slow.asked.promise
    overtaken.push(other.read(field, 2))

    row.version = round
    if (moment === 'before') slow.answer.resolve()
    const renewal = renew(renewer, field)
    if (moment === 'during') slow.answer.resolve()
    const answers = await renewal
    if (moment === 'after') slow.answer.resolve()
    answers.push(...(await renewer.read(field)))
    slow.answer.resolve()
    await pause(memoryTtl * 1000)
    answers.push(...(await Promise.all(workers.map((worker) => worker.read(field)))).flat())
    overtaken.push(Promise.resolve([await fetching].flat()))
    for (const answer of answers) {
      if ('error' in answer || answer.data !== String(round)) {
        wrong.push(`${key}, round ${round}, overtaken ${moment}: ${JSON.stringify(answer)}`)
      }
    }
  }
  const failed = (await Promise.all(overtaken)).flat().filter((answer) => 'error' in answer)
  return [...wrong, ...failed.map((answer) => `${key}, overtaken: ${JSON.stringify(answer)}`)]
}

describe(`${FIELDS * ROUNDS} fetches of one process, each overtaken by an invalidation or a force of another`, () => {
  it(
    'leave no read with an old value once the change is acknowledged, and none with an error',
    async () => {
      cluster.source.answer(({ key }) => buildAnswer(key))
      const fields = Array.from({ length: FIELDS }, (_, index) =>
        playRounds(`field:${index}`, index % 2 === 0 ? 0 : MEMORY_TTL),
      )
      expect((await Promise.all(fields)).flat()).toEqual([])
    },
    TIMEOUT_MS,
  )
})
