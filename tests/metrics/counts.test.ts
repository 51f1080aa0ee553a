import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeEntries,
  decodeSums,
  emptyCounts,
  encodeEntries,
  getLast,
  increase,
  keepLast,
  merge,
  toName,
} from '@/lib/core-services/metrics/counts'

const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 })
const labelsIn = (name: string) => name.split(':').slice(1).map(decodeURIComponent)

describe('names of counts', () => {
  it('a name gives its labels back, whatever text they are', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        expect(labelsIn(toName('read', ...parts))).toEqual(parts)
        expect(toName('read', ...parts)).toMatch(/^[^=;|,]+$/)
      }),
    )
  })

  it('a label with a lone surrogate makes a name, too', () => {
    expect(labelsIn(toName('read', 'a\ud800b', 1))).toEqual(['a\ufffdb', '1'])
  })
})

describe('counts as text', () => {
  it('sums survive encoding and decoding', () => {
    const sums = fc.dictionary(
      part.map((text) => toName('read', text)),
      fc.integer({ min: 0, max: 2 ** 49 }),
    )
    fc.assert(
      fc.property(sums, (counted) => {
        expect(Object.fromEntries(decodeSums(encodeEntries(new Map(Object.entries(counted)))))).toEqual({
          ...counted,
        })
      }),
    )
  })

  it('values that are not numbers are left out when sums are decoded', () => {
    expect([...decodeSums('a=1;b=x;;c;d=2')]).toEqual([
      ['a', 1],
      ['d', 2],
    ])
  })

  it('sums are added when counts are merged', () => {
    const [one, two] = [emptyCounts(), emptyCounts()]
    increase(one.sums, 'a', 2)
    increase(two.sums, 'a')
    increase(two.sums, 'b', 0.5)
    expect([...merge(one, two).sums]).toEqual([
      ['a', 3],
      ['b', 0.5],
    ])
  })
})

describe('last events', () => {
  it('last events survive encoding and decoding, commas included', () => {
    const counts = emptyCounts()
    keepLast(counts, 'failure', 17, ['a,b;c=d|e', 3])
    expect(getLast({ latest: decodeEntries(encodeEntries(counts.latest)) }, 'failure')).toEqual([
      17,
      'a,b;c=d|e',
      '3',
    ])
    expect(getLast(counts, 'success')).toBeNull()
  })

  it('a last event gives way to a later one only, also when counts are merged', () => {
    const [one, two] = [emptyCounts(), emptyCounts()]
    keepLast(one, 'cron', 20, ['later'])
    keepLast(one, 'cron', 10, ['earlier'])
    keepLast(two, 'cron', 15, ['between'])
    expect(getLast(merge(one, two), 'cron')).toEqual([20, 'later'])
    expect(getLast(merge(two, one), 'cron')).toEqual([20, 'later'])
  })
})
