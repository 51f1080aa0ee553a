import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BUCKETS_MS, quantile, toBucket } from '@/lib/core-services/metrics/kinds/histogram'

const toBuckets = (durations: readonly number[]) => {
  const buckets = Array.from({ length: BUCKETS_MS.length + 1 }, () => 0)
  for (const duration of durations) buckets[toBucket(duration)] = (buckets[toBucket(duration)] ?? 0) + 1
  return buckets
}

it('a duration counts in the first bucket whose bound it does not exceed', () => {
  expect([0, 0.25, 0.26, 25, 25.1, 30_000, 30_001].map(toBucket)).toEqual([0, 0, 1, 6, 7, 15, 16])
})

it('a quantile takes the durations of a bucket as evenly spread', () => {
  expect(quantile(0.5, toBuckets([6, 6, 6, 6]))).toBe(7.5)
  expect(
    quantile(
      0.95,
      toBuckets([...Array.from({ length: 95 }, () => 3), ...Array.from({ length: 5 }, () => 80)]),
    ),
  ).toBe(5)
  expect(quantile(0.99, toBuckets([60_000]))).toBe(30_000)
  expect(quantile(0.5, toBuckets([]))).toBeNull()
})

it('a quantile is in the bucket of the true one', () => {
  const durations = fc.array(fc.double({ min: 0, max: 30_000, noNaN: true }), {
    minLength: 1,
    maxLength: 500,
  })
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99), (recorded, share) => {
      const sorted = recorded.toSorted((a, b) => a - b)
      const truth = sorted[Math.ceil(share * sorted.length) - 1] ?? 0
      const estimate = quantile(share, toBuckets(recorded)) ?? -1
      const bucket = toBucket(truth)
      expect(estimate).toBeGreaterThanOrEqual(BUCKETS_MS[bucket - 1] ?? 0)
      expect(estimate).toBeLessThanOrEqual(BUCKETS_MS[bucket] ?? 0)
    }),
  )
})
