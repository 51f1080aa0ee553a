import { describe, expect, it } from 'vitest'
import { endCoolDowns } from '../kit/fields/coolDowns'
import { clusterForThisFile, fieldOf } from '../kit/process/cluster'

const cluster = clusterForThisFile()

/** How long a failing source is left alone by default. */
const COOL_DOWN_MS = 5_000
const ROUNDS = 10
const CALLERS = 20

describe('three processes under load whose source fails, with a stale value in Redis', () => {
  it.each([
    ['that may be served while it is refreshed', { staleWhileRevalidate: 600 }],
    ['that may be served when the source fails', { staleIfError: 600 }],
  ])(
    'three processes ask a failing source at most twice per cool-down and fail no read, for a value %s',
    async (_, window) => {
      const field = fieldOf(cluster, 'stale', window)
      cluster.source.answer(async () => ({ text: 'good' }))
      await cluster.workers[0].read(field)
      await Promise.all(cluster.workers.map((worker) => worker.pass(61)))
      for (let coolDown = 1; coolDown <= 2; coolDown += 1) {
        cluster.source.answer(async () => ({ status: 500, text: 'down' }))
        const started = performance.now()
        const answers = []
        for (let round = 0; round < ROUNDS; round += 1) {
          answers.push(...(await Promise.all(cluster.workers.map((worker) => worker.read(field, CALLERS)))))
        }
        const coolDowns = 1 + Math.floor((performance.now() - started) / COOL_DOWN_MS)

        const outcomes = answers.flat()
        expect(outcomes).toHaveLength(ROUNDS * cluster.workers.length * CALLERS)
        expect(outcomes.filter((outcome) => !('data' in outcome) || outcome.data !== 'good')).toEqual([])
        expect(cluster.source.calls.length).toBeGreaterThanOrEqual(1)
        expect(cluster.source.calls.length).toBeLessThanOrEqual(2 * coolDowns)
        await endCoolDowns(cluster.redis)
        await Promise.all(cluster.workers.map((worker) => worker.pass(COOL_DOWN_MS / 1000)))
      }
    },
  )
})
