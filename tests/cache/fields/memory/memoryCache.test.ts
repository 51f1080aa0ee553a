import { describe, expect, it } from 'vitest'
import type { Entry } from '@/lib/core-services/cache/entry/entry'
import { createCopies } from '@/lib/core-services/cache/fields/memory/memoryCache'
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

describe('an invalidation', () => {
  it('looks at none of the copies, however many there are: the next read of one does', () => {
    const clock = manualClock()
    const copies = createCopies(50_000_000, clock)
    let looks = 0
    const watched = (guard: string): Entry => ({
      ...entry(guard),
      get tokens() {
        looks += 1
        return { [guard]: 'token' }
      },
    })
    for (let id = 0; id < 1_000; id += 1) copies.put(`page:${id}`, watched(`tag:${id}`), at(0), FOR_EVER)
    clock.advance(100)
    looks = 0
    copies.dropGuarded(Array.from({ length: 1_000 }, (_, id) => `tag:${id}`))
    expect(looks).toBe(0)
    expect(copies.get('page:7')).toBeUndefined()
    expect(looks).toBeGreaterThan(0)
  })

  it('of everything leaves nothing that was proved before, and what is proved after it', () => {
    const clock = manualClock()
    const copies = createCopies(1_000_000, clock)
    copies.put('agents', entry('key:agents'), at(0), FOR_EVER)
    clock.advance(100)
    copies.dropAll()
    expect(copies.get('agents')).toBeUndefined()
    copies.put('agents', entry('key:agents'), at(100), FOR_EVER)
    expect(copies.get('agents')).toBeUndefined()
    copies.put('agents', entry('key:agents'), at(101), FOR_EVER)
    expect(copies.get('agents')).toBeDefined()
  })
})

describe('a newer token that Redis has told of', () => {
  it('drops every copy that stores an older one, and keeps those away that come late', () => {
    const copies = createCopies(1_000_000, manualClock())
    copies.put('agents', entry('tag:people'), at(10), FOR_EVER)
    copies.put('teams', entry('tag:people'), at(30), FOR_EVER)
    copies.noteTokens([['tag:people', 'newer']], at(20))
    expect(copies.get('agents')).toBeUndefined()
    expect(copies.get('teams')).toBeDefined()
    copies.put('agents', entry('tag:people'), at(15), FOR_EVER)
    expect(copies.get('agents')).toBeUndefined()
  })

  it('is not taken back by an answer to an earlier request', () => {
    const copies = createCopies(1_000_000, manualClock())
    copies.noteTokens([['tag:people', 'newer']], at(20))
    copies.noteTokens([['tag:people', 'token']], at(10))
    copies.put('agents', entry('tag:people'), at(15), FOR_EVER)
    expect(copies.get('agents')).toBeUndefined()
  })
})

it('a token that Redis has told is known by when it was asked, and not before', () => {
  const copies = createCopies(1_000_000, manualClock())
  copies.noteTokens([['tag:people', 'first']], at(100))
  expect([copies.toldBy('tag:people', 99), copies.toldBy('tag:people', 100)]).toEqual([undefined, 'first'])
  copies.noteTokens([['tag:people', 'second']], at(200))
  expect([copies.toldBy('tag:people', 150), copies.toldBy('tag:people', 200)]).toEqual([undefined, 'second'])
  expect(copies.toldBy('tag:unheard', 200)).toBeUndefined()
})

describe('what Redis has told and the process has forgotten', () => {
  const tellOthers = (copies: ReturnType<typeof createCopies>, elapsed: number) =>
    copies.noteTokens(
      Array.from({ length: 10_001 }, (_, index) => [`tag:${index}`, 'told'] as const),
      at(elapsed),
    )

  it('proves nothing any longer that it might have outdated, until that is proved again', () => {
    const clock = manualClock()
    const copies = createCopies(1_000_000, clock)
    copies.put('agents', entry('tag:people'), at(0), FOR_EVER)
    copies.noteTokens([['tag:people', 'newer']], at(10))
    tellOthers(copies, 20)
    clock.advance(30)
    const copy = copies.get('agents')
    expect(copy && copies.unprovenFor(copy)).toBe(FOR_EVER)
    if (copy) copies.prove(copy, at(25))
    expect(copy && copies.unprovenFor(copy)).toBe(5)
  })

  it('is what was told longest ago, so that what is told all the time costs no proofs', () => {
    const clock = manualClock()
    const copies = createCopies(1_000_000, clock)
    copies.noteTokens([['tag:people', 'told']], at(0))
    copies.noteTokens(
      Array.from({ length: 9_999 }, (_, index) => [`tag:${index}`, 'told'] as const),
      at(1),
    )
    copies.put('agents', entry('tag:agents'), at(40), FOR_EVER)
    copies.noteTokens([['tag:people', 'told']], at(50))
    copies.noteTokens([['tag:agents', 'token']], at(60))
    clock.advance(60)
    const copy = copies.get('agents')
    expect(copy && copies.unprovenFor(copy)).toBe(20)
  })

  it('leaves own invalidations known', () => {
    const clock = manualClock()
    const copies = createCopies(1_000_000, clock)
    copies.put('agents', entry('tag:people'), at(0), FOR_EVER)
    clock.advance(10)
    copies.dropGuarded(['tag:people'])
    tellOthers(copies, 20)
    expect(copies.overtaken({ 'tag:people': 'token' }, 5)).toBe(true)
    expect(copies.get('agents')).toBeUndefined()
  })
})
