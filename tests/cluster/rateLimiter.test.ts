import { afterEach, expect, it } from 'vitest'
import { askAirtable } from '../kit/airtable/testAirtable'
import {
  type AirtableWorkers,
  startAirtableWorkers,
  tableFields,
  WHOLE_TABLE,
} from '../kit/process/airtableWorkers'
import type { Answered, Worker, WorkerField } from '../kit/process/workers'

let cluster: AirtableWorkers | undefined

afterEach(async () => {
  await cluster?.stop()
  cluster = undefined
})

async function start(count: number): Promise<AirtableWorkers> {
  cluster = await startAirtableWorkers(count)
  return cluster
}

async function readAll(workers: readonly Worker[], fields: readonly WorkerField[]): Promise<Answered[]> {
  const answers = workers.flatMap((worker) => fields.map((field) => worker.read(field)))
  return (await Promise.all(answers)).flat()
}

const whole = (status: unknown) => ({ data: WHOLE_TABLE, status })
const repeated = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

it('20 cold processes that want 20 fields at once never exceed the limit of Airtable, and all are answered', async () => {
  const { airtable, workers } = await start(20)
  const answers = await readAll(workers, tableFields(20))
  expect(answers).toEqual(repeated(400, whole(expect.stringMatching(/miss|hit/))))
  // The server refuses the sixth request in any 1,000 ms.
  expect(airtable.counters).toMatchObject({ requests: 20, refusals: 0 })
}, 90_000)

it('a Redis that is flushed while they read does not make them exceed it', async () => {
  const { airtable, redis, workers } = await start(4)
  const fields = tableFields(16)
  // Each of them has met the budget.
  await Promise.all(workers.map((worker, index) => worker.read({ key: `own:${index}`, ttl: 60 })))
  const reading = readAll(workers, fields)
  await expect.poll(() => airtable.counters.requests).toBeGreaterThan(8)
  await redis.flush()
  expect(await reading).toEqual(repeated(64, whole(expect.stringMatching(/miss|hit/))))
  expect(airtable.counters.refusals).toBe(0)
}, 90_000)

it('a 429 for one process stops all of them within one request each, and stale values are served meanwhile', async () => {
  const { airtable, workers } = await start(4)
  const [first, ...others] = workers as [Worker, ...Worker[]]
  const fields = tableFields(4)
  await readAll([first], fields)
  await Promise.all(workers.map((worker) => worker.pass(120)))
  // Another client uses up the limit, and everything is refused for 30 s.
  await Promise.all(repeated(8, 'Small').map((table) => askAirtable(airtable, table)))
  const before = airtable.counters.requests

  const [field] = fields as [WorkerField]
  expect(await first.force(field)).toEqual({ error: 'SOURCE_FAILED' })
  for (let round = 0; round < 3; round += 1) {
    const answers = await readAll(others, fields)
    expect(answers).toEqual(repeated(others.length * fields.length, whole('stale')))
  }

  expect(airtable.counters.requests - before).toBeGreaterThan(0)
  expect(airtable.counters.requests - before).toBeLessThanOrEqual(workers.length)
  for (const worker of workers) {
    expect(await worker.health()).toMatchObject({
      sources: {
        airtable: {
          bases: [{ base: airtable.baseId, coolDown: { why: 'rate-limit', seconds: expect.any(Number) } }],
        },
      },
    })
  }
}, 90_000)

it('a spent monthly quota stops the background work of all processes, and each reports it in its health', async () => {
  const { airtable, workers } = await start(3)
  const [first, ...others] = workers as [Worker, ...Worker[]]
  const fields = tableFields(3)
  await readAll([first], fields)
  await Promise.all(workers.map((worker) => worker.pass(120)))
  await airtable.faults.set({ kind: 'billing' })
  const [field] = fields as [WorkerField]
  expect(await first.force(field)).toEqual({ error: 'SOURCE_FAILED' })
  const before = airtable.counters.requests

  for (let round = 0; round < 3; round += 1) {
    expect(await readAll(others, fields)).toEqual(repeated(others.length * fields.length, whole('stale')))
    // The source's own cool-down is over by then.
    await Promise.all(workers.map((worker) => worker.pass(30)))
  }

  expect(airtable.counters.requests).toBe(before)
  for (const worker of workers) {
    expect(await worker.health()).toMatchObject({
      sources: { airtable: { bases: [{ base: airtable.baseId, coolDown: { why: 'quota' } }] } },
    })
  }
}, 90_000)
