import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeSums,
  decodeTexts,
  emptyCounts,
  encodeSums,
  encodeTexts,
  getLast,
  increase,
  keepLast,
  merge,
  toName,
} from '@/lib/core-services/metrics/counts'

const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 })
const labelsIn = (name: string) => name.split(':').slice(1).map(decodeURIComponent)

describe('names', () => {
  it('give their parts back, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        expect(labelsIn(toName('read', ...parts))).toEqual(parts)
        expect(toName('read', ...parts)).toMatch(/^[^=;|,]+$/)
      }),
    )
  })

  it('are made of half a character, too', () => {
    expect(labelsIn(toName('read', 'a\ud800b', 1))).toEqual(['a\ufffdb', '1'])
  })
})

describe('counts', () => {
  it('come back from their text', () => {
    const sums = fc.dictionary(
      part.map((text) => toName(text)),
      fc.integer({ min: 0, max: 2 ** 49 }),
    )
    fc.assert(
      fc.property(sums, (counted) => {
        expect(Object.fromEntries(decodeSums(encodeSums(new Map(Object.entries(counted)))))).toEqual({
          ...counted,
        })
      }),
    )
  })

  it('leave out what is no number', () => {
    expect([...decodeSums('a=1;b=x;;c;d=2')]).toEqual([
      ['a', 1],
      ['d', 2],
    ])
  })

  it('are added when they are merged', () => {
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

describe('last words', () => {
  it('come back from their text, commas and all', () => {
    const counts = emptyCounts()
    keepLast(counts, 'failure', 17, ['a,b;c=d|e', 3])
    expect(getLast({ latest: decodeTexts(encodeTexts(counts.latest)) }, 'failure')).toEqual([
      17,
      'a,b;c=d|e',
      '3',
    ])
    expect(getLast(counts, 'success')).toBeNull()
  })

  it('give way to later ones only, also when they are merged', () => {
    const [one, two] = [emptyCounts(), emptyCounts()]
    keepLast(one, 'cron', 20, ['later'])
    keepLast(one, 'cron', 10, ['earlier'])
    keepLast(two, 'cron', 15, ['between'])
    expect(getLast(merge(one, two), 'cron')).toEqual([20, 'later'])
    expect(getLast(merge(two, one), 'cron')).toEqual([20, 'later'])
  })
})
