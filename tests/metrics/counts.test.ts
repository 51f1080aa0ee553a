import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  add,
  decodeSums,
  decodeTexts,
  emptyTally,
  encodeSums,
  encodeTexts,
  merge,
  nameOf,
  note,
  noted,
  partsOf,
} from '@/lib/core-services/metrics/counts'

const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 })

describe('names', () => {
  it('give their parts back, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        expect(partsOf(nameOf(...parts))).toEqual(parts)
        expect(nameOf(...parts)).toMatch(/^[^=;|,]+$/)
      }),
    )
  })

  it('are made of half a character, too', () => {
    expect(partsOf(nameOf('a\ud800b', 1))).toEqual(['a\ufffdb', '1'])
  })
})

describe('counts', () => {
  it('come back from their text', () => {
    const sums = fc.dictionary(
      part.map((text) => nameOf(text)),
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
    const [one, two] = [emptyTally(), emptyTally()]
    add(one, 'a', 2)
    add(two, 'a')
    add(two, 'b', 0.5)
    expect([...merge(one, two).sums]).toEqual([
      ['a', 3],
      ['b', 0.5],
    ])
  })
})

describe('last words', () => {
  it('come back from their text, commas and all', () => {
    const tally = emptyTally()
    note(tally, 'failure', 17, 'a,b;c=d|e', 3)
    expect(noted({ latest: decodeTexts(encodeTexts(tally.latest)) }, 'failure')).toEqual([
      17,
      'a,b;c=d|e',
      '3',
    ])
    expect(noted(tally, 'success')).toBeNull()
  })

  it('give way to later ones only, also when they are merged', () => {
    const [one, two] = [emptyTally(), emptyTally()]
    note(one, 'cron', 20, 'later')
    note(one, 'cron', 10, 'earlier')
    note(two, 'cron', 15, 'between')
    expect(noted(merge(one, two), 'cron')).toEqual([20, 'later'])
    expect(noted(merge(two, one), 'cron')).toEqual([20, 'later'])
  })
})
