import { expect, it } from 'vitest'
import { check } from '../check'
import { scenarios } from '../scenarios'
import { startNaiveCache } from './naiveCache'

it.each([
  ['I1', 'a calm network'],
  ['I1', 'readers before and after an invalidation'],
  ['I1', 'forces that overlap, and an invalidation'],
  ['I2', 'cold readers'],
  ['I5', 'a Redis that hardly answers'],
])('a naive cache does not satisfy %s with %s', async (only, name) => {
  const scenario = scenarios.find((one) => one.name === name)
  if (!scenario) throw new Error(`There is no scenario "${name}"`)
  const { failure } = await check(scenario, { runs: 5_000, seed: 1, startCache: startNaiveCache, only })
  expect(failure ?? 'nothing failed').toContain(`${only} `)
})
