import { afterEach, expect, it } from 'vitest'
import { clusterForThisFile, fieldOf } from '../kit/process/cluster'
import type { Answered } from '../kit/process/workers'

const cluster = clusterForThisFile({ commandTimeoutMs: 250 })

const getData = (answers: readonly Answered[]): unknown[] =>
  answers.map((answer) => ('data' in answer ? answer.data : answer))

afterEach(() => cluster.redis.upstash.faults.clear())

it('three processes with 60 cold callers each cost one fetch when Redis answers after 300 ms', async () => {
  cluster.source.answer(async ({ key }) => ({ text: `value of ${key}` }))
  await cluster.redis.upstash.faults.set({ kind: 'slow', ms: 300 })
  const field = fieldOf(cluster, 'slow', { memoryTtl: 1 })
  const answers = await Promise.all(cluster.workers.map((worker) => worker.read(field, 60)))
  expect(getData(answers.flat())).toEqual(Array(180).fill('value of slow'))
  expect(cluster.source.calls).toHaveLength(1)
  // It ends up cached in each of them: past memoryTtl, and when nothing was asked for a while.
  for (const seconds of [2, 7]) {
    await Promise.all(cluster.workers.map((worker) => worker.pass(seconds)))
    const again = (await Promise.all(cluster.workers.map((worker) => worker.read(field, 60)))).flat()
    expect(getData(again)).toEqual(Array(180).fill('value of slow'))
    expect(again.filter((answer) => 'status' in answer && answer.status === 'miss')).toEqual([])
  }
  expect(cluster.source.calls).toHaveLength(1)
})
