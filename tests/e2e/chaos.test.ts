import { expect, it } from 'vitest'
import { SITE } from '@/bench/chaos/cluster'
import { FAULTS } from '@/bench/chaos/faults'
import { judge } from '@/bench/chaos/judging/judge'
import { formatTable } from '@/bench/chaos/report'
import { runChaos } from '@/bench/chaos/run'
import { runNext } from './support/nextProcess'

/** The short form of `npm run chaos`: every fault once, for about a second. */
it('three servers keep the freshness contract through every fault of Redis, of the source and of a server', async () => {
  const build = await runNext(['build', SITE], {})
  expect(build.code, build.output).toBe(0)
  const record = await runChaos({ seconds: 45, seed: 20_261_121, requestsPerSecond: 60, faults: FAULTS })
  const verdict = judge(record)
  expect(verdict.problems, formatTable(verdict)).toEqual([])
  // A run in which next to nothing was asked would find no problem either.
  expect(verdict.rows.map(({ fault }) => fault)).toEqual(FAULTS.map(({ name }) => name))
  expect(verdict.rows.filter(({ reads }) => reads < 20)).toEqual([])
}, 600_000)
