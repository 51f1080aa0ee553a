import { describe, expect, it } from 'vitest'
import { createCopies } from '@/lib/core-services/cache/engine/copies'
import type { Entry } from '@/lib/core-services/cache/engine/entry'
import { manualClock } from '@/lib/testing/clock'

const FOR_EVER = Number.POSITIVE_INFINITY
const entry = (guard: string): Entry => ({
  body: '"value"',
  fetchedAt: 0,
  revision: 'r',
  tokens: { [guard]: 'token' },
})

/** When a manual clock has gone so far, in ms. */
const at = (elapsed: number) => ({ monotonic: elapsed, wall: Date.UTC(2026, 0, 1) + elapsed })

describe('a copy whose guard was dropped', () => {
  it('is not kept when it was asked for before, and is when it was asked for after', () => {
    const clock = manualClock()
    const copies = createCopies(1_000_000, clock)
    clock.advance(100)
    copies.dropGuarded(['tag:people'])
    copies.put('agents', entry('tag:people'), at(90), FOR_EVER)
    expect(copies.get('agents')).toBeUndefined()
    copies.put('agents', entry('tag:people'), at(101), FOR_EVER)
    expect(copies.get('agents')).toBeDefined()
  })

  it('stays away although a force has spared its token before or after', () => {
    for (const order of [
      [undefined, 'token'],
      ['token', undefined],
    ] as const) {
      const clock = manualClock()
      const copies = createCopies(1_000_000, clock)
      for (const unless of order) {
        clock.advance(100)
        copies.dropGuarded(['key:agents'], unless)
      }
      copies.put('agents', entry('key:agents'), at(90), FOR_EVER)
      expect(copies.get('agents')).toBeUndefined()
    }
  })

  it('is no reason to forget others', () => {
    const clock = manualClock()
    const copies = createCopies(1_000_000, clock)
    clock.advance(100)
    copies.dropGuarded(['tag:people'])
    copies.put('prices', entry('tag:prices'), at(90), FOR_EVER)
    expect(copies.get('prices')).toBeDefined()
  })

  it('stays away after more drops than are remembered one by one', () => {
    const clock = manualClock()
    const copies = createCopies(1_000_000, clock)
    clock.advance(100)
    copies.dropGuarded(['tag:people'])
    clock.advance(100)
    copies.dropGuarded(Array.from({ length: 20_000 }, (_, index) => `tag:${index}`))
    copies.put('agents', entry('tag:people'), at(90), FOR_EVER)
    expect(copies.get('agents')).toBeUndefined()
    copies.put('agents', entry('tag:people'), at(201), FOR_EVER)
    expect(copies.get('agents')).toBeDefined()
  })
})
