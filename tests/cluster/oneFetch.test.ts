import { describe, expect, it } from 'vitest'
import { deferred } from '../kit/clock/deferred'
import { clusterForThisFile, fieldOf } from '../kit/process/cluster'
import type { Answered } from '../kit/process/workers'

/** A lease outlives the fetch by half a second, so callers wait for a dead process at most this long. */
const refreshTimeoutMs = 2_000

const cluster = clusterForThisFile({ refreshTimeoutMs })

const getData = (answers: readonly Answered[]): unknown[] =>
  answers.map((answer) => ('data' in answer ? answer.data : answer))

const same = (count: number, value: string): string[] => Array.from({ length: count }, () => value)

describe('three processes with twenty cold callers of each field', () => {
  const keys = Array.from({ length: 20 }, (_, index) => `cold:${index}`)

  async function readEverywhere(): Promise<void> {
    const reads = keys.flatMap((key) =>
      cluster.workers.map(async (worker) => {
        const answers = await worker.read(fieldOf(cluster, key, { staleIfError: 600 }), 20)
        expect(getData(answers)).toEqual(same(20, `value of ${key}`))
      }),
    )
    await Promise.all(reads)
    expect(cluster.source.calls.map(({ key }) => key).sort()).toEqual([...keys].sort())
  }

  it('three processes with twenty cold callers fetch each field once, at first and after it has expired', async () => {
    for (const round of ['first', 'expired']) {
      cluster.source.answer(async ({ key }) => ({ text: `value of ${key}` }))
      await readEverywhere()
      if (round === 'first') await Promise.all(cluster.workers.map((worker) => worker.pass(100)))
    }
  })
})

describe('a process that waits for the fetch of another one', () => {
  it('a process that waits for the fetch of another one spends 2 commands and 1 per poll, at most two polls a second', async () => {
    const gate = deferred<{ text: string }>()
    cluster.source.answer(() => gate.promise)
    const field = fieldOf(cluster, 'polled')
    const [holder, ...losers] = cluster.workers
    const held = holder.read(field)
    await expect.poll(() => cluster.source.calls.length).toBe(1)

    const { upstash } = cluster.redis
    upstash.resetCounters()
    const started = performance.now()
    const lost = Promise.all(losers.map((worker) => worker.read(field, 10)))
    const looks = losers.length
    await expect.poll(() => upstash.counters.byCommand.MGET).toBeGreaterThanOrEqual(looks + 2 * losers.length)
    gate.resolve({ text: 'fetched once' })
    const answers = [...(await lost).flat(), ...(await held)]
    const waitedMs = performance.now() - started

    expect(getData(answers)).toEqual(same(21, 'fetched once'))
    expect(cluster.source.calls).toHaveLength(1)
    const { MGET = 0, SET, ...others } = upstash.counters.byCommand
    expect(others).toEqual({})
    const [entryWritten, leasesTried] = [1, losers.length]
    expect(SET).toBe(entryWritten + leasesTried)
    expect(MGET - looks).toBeLessThanOrEqual(losers.length * (1 + Math.floor(waitedMs / 500)))
  })
})

describe('a process that is killed while it holds the lease', () => {
  it('a process that is killed while it holds the lease costs one more fetch, and other callers no error', async () => {
    const deaths = 2
    cluster.source.answer(async () =>
      cluster.source.calls.length > deaths ? { text: 'by the last one' } : new Promise(() => undefined),
    )
    const field = fieldOf(cluster, 'orphaned')
    const reads = cluster.workers.map((worker) =>
      worker.read(field, 5).then(getData, () => 'this process is gone'),
    )
    for (let dead = 1; dead <= deaths; dead += 1) {
      await expect.poll(() => cluster.source.calls.length).toBe(dead)
      await cluster.workers.find(({ pid }) => pid === cluster.source.calls.at(-1)?.by)?.kill()
    }
    const outcomes = await Promise.all(reads)
    expect(outcomes.filter((outcome) => outcome === 'this process is gone')).toHaveLength(deaths)
    expect(outcomes).toContainEqual(same(5, 'by the last one'))
    expect(cluster.source.calls).toHaveLength(1 + deaths)
  })
})
