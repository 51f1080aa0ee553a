import { describe, expect, it } from 'vitest'
import type { Entry } from '@/lib/core-services/cache/entry/entry'
import { createMemoryCache } from '@/lib/core-services/cache/fields/memory/memoryCache'
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
    const memoryCache = createMemoryCache(1_000_000, clock)
    clock.advance(100)
    memoryCache.dropGuarded(['tag:people'])
    memoryCache.put('agents', entry('tag:people'), at(90), FOR_EVER)
    expect(memoryCache.get('agents')).toBeUndefined()
    memoryCache.put('agents', entry('tag:people'), at(101), FOR_EVER)
    expect(memoryCache.get('agents')).toBeDefined()
  })

  it('stays away although a force has spared its token before or after', () => {
    for (const order of [
      [undefined, 'token'],
      ['token', undefined],
    ] as const) {
      const clock = manualClock()
      const memoryCache = createMemoryCache(1_000_000, clock)
      for (const unless of order) {
        clock.advance(100)
        memoryCache.dropGuarded(['key:agents'], unless && { token: unless, since: clock.monotonic() })
      }
      memoryCache.put('agents', entry('key:agents'), at(90), FOR_EVER)
      expect(memoryCache.get('agents')).toBeUndefined()
    }
  })

  it('stays away when a force is answered after a later write of the field', () => {
    const clock = manualClock()
    const memoryCache = createMemoryCache(1_000_000, clock)
    clock.advance(100)
    memoryCache.dropGuarded(['key:agents'], { token: 'later', since: 95 })
    clock.advance(10)
    memoryCache.put('agents', entry('key:agents'), at(90), FOR_EVER)
    memoryCache.dropGuarded(['key:agents'], { token: 'token', since: 90 })
    expect(memoryCache.get('agents')).toBeUndefined()
  })

  it('is no reason to forget others', () => {
    const clock = manualClock()
    const memoryCache = createMemoryCache(1_000_000, clock)
    clock.advance(100)
    memoryCache.dropGuarded(['tag:people'])
    memoryCache.put('prices', entry('tag:prices'), at(90), FOR_EVER)
    expect(memoryCache.get('prices')).toBeDefined()
  })

  it('stays away after more drops than are remembered one by one', () => {
    const clock = manualClock()
    const memoryCache = createMemoryCache(1_000_000, clock)
    clock.advance(100)
    memoryCache.dropGuarded(['tag:people'])
    clock.advance(100)
    memoryCache.dropGuarded(Array.from({ length: 20_000 }, (_, index) => `tag:${index}`))
    memoryCache.put('agents', entry('tag:people'), at(90), FOR_EVER)
    expect(memoryCache.get('agents')).toBeUndefined()
    memoryCache.put('agents', entry('tag:people'), at(201), FOR_EVER)
    expect(memoryCache.get('agents')).toBeDefined()
  })
})

describe('an invalidation', () => {
  it('looks at none of the copies, however many there are: the next read of one does', () => {
    const clock = manualClock()
    const memoryCache = createMemoryCache(50_000_000, clock)
    let looks = 0
    const watched = (guard: string): Entry => ({
      ...entry(guard),
      get tokens() {
        looks += 1
        return { [guard]: 'token' }
      },
    })
    for (let id = 0; id < 1_000; id += 1) memoryCache.put(`page:${id}`, watched(`tag:${id}`), at(0), FOR_EVER)
    clock.advance(100)
    looks = 0
    memoryCache.dropGuarded(Array.from({ length: 1_000 }, (_, id) => `tag:${id}`))
    expect(looks).toBe(0)
    expect(memoryCache.get('page:7')).toBeUndefined()
    expect(looks).toBeGreaterThan(0)
  })

  it('of everything leaves nothing that was proved before, and what is proved after it', () => {
    const clock = manualClock()
    const memoryCache = createMemoryCache(1_000_000, clock)
    memoryCache.put('agents', entry('key:agents'), at(0), FOR_EVER)
    clock.advance(100)
    memoryCache.dropAll()
    expect(memoryCache.get('agents')).toBeUndefined()
    memoryCache.put('agents', entry('key:agents'), at(100), FOR_EVER)
    expect(memoryCache.get('agents')).toBeUndefined()
    memoryCache.put('agents', entry('key:agents'), at(101), FOR_EVER)
    expect(memoryCache.get('agents')).toBeDefined()
  })
})

describe('a newer token that Redis has told of', () => {
  it('drops every copy that stores an older one, and keeps those away that come late', () => {
    const memoryCache = createMemoryCache(1_000_000, manualClock())
    memoryCache.put('agents', entry('tag:people'), at(10), FOR_EVER)
    memoryCache.put('teams', entry('tag:people'), at(30), FOR_EVER)
    memoryCache.noteTokens([['tag:people', 'newer']], at(20))
    expect(memoryCache.get('agents')).toBeUndefined()
    expect(memoryCache.get('teams')).toBeDefined()
    memoryCache.put('agents', entry('tag:people'), at(15), FOR_EVER)
    expect(memoryCache.get('agents')).toBeUndefined()
  })

  it('is not taken back by an answer to an earlier request', () => {
    const memoryCache = createMemoryCache(1_000_000, manualClock())
    memoryCache.noteTokens([['tag:people', 'newer']], at(20))
    memoryCache.noteTokens([['tag:people', 'token']], at(10))
    memoryCache.put('agents', entry('tag:people'), at(15), FOR_EVER)
    expect(memoryCache.get('agents')).toBeUndefined()
  })
})

it('a token that Redis has told is known by when it was asked, and not before', () => {
  const memoryCache = createMemoryCache(1_000_000, manualClock())
  memoryCache.noteTokens([['tag:people', 'first']], at(100))
  expect([memoryCache.tokenReadBy('tag:people', 99), memoryCache.tokenReadBy('tag:people', 100)]).toEqual([
    undefined,
    'first',
  ])
  memoryCache.noteTokens([['tag:people', 'second']], at(200))
  expect([memoryCache.tokenReadBy('tag:people', 150), memoryCache.tokenReadBy('tag:people', 200)]).toEqual([
    undefined,
    'second',
  ])
  expect(memoryCache.tokenReadBy('tag:unheard', 200)).toBeUndefined()
})

describe('what Redis has told and the process has forgotten', () => {
  const tellOthers = (memoryCache: ReturnType<typeof createMemoryCache>, elapsed: number) =>
    memoryCache.noteTokens(
      Array.from({ length: 10_001 }, (_, index) => [`tag:${index}`, 'told'] as const),
      at(elapsed),
    )

  it('proves nothing any longer that it might have outdated, until that is proved again', () => {
    const clock = manualClock()
    const memoryCache = createMemoryCache(1_000_000, clock)
    memoryCache.put('agents', entry('tag:people'), at(0), FOR_EVER)
    memoryCache.noteTokens([['tag:people', 'newer']], at(10))
    tellOthers(memoryCache, 20)
    clock.advance(30)
    const copy = memoryCache.get('agents')
    expect(copy && memoryCache.unprovenFor(copy)).toBe(FOR_EVER)
    if (copy) memoryCache.prove(copy, at(25))
    expect(copy && memoryCache.unprovenFor(copy)).toBe(5)
  })

  it('is what was told longest ago, so that what is told all the time costs no proofs', () => {
    const clock = manualClock()
    const memoryCache = createMemoryCache(1_000_000, clock)
    memoryCache.noteTokens([['tag:people', 'told']], at(0))
    memoryCache.noteTokens(
      Array.from({ length: 9_999 }, (_, index) => [`tag:${index}`, 'told'] as const),
      at(1),
    )
    memoryCache.put('agents', entry('tag:agents'), at(40), FOR_EVER)
    memoryCache.noteTokens([['tag:people', 'told']], at(50))
    memoryCache.noteTokens([['tag:agents', 'token']], at(60))
    clock.advance(60)
    const copy = memoryCache.get('agents')
    expect(copy && memoryCache.unprovenFor(copy)).toBe(20)
  })

  it('leaves own invalidations known', () => {
    const clock = manualClock()
    const memoryCache = createMemoryCache(1_000_000, clock)
    memoryCache.put('agents', entry('tag:people'), at(0), FOR_EVER)
    clock.advance(10)
    memoryCache.dropGuarded(['tag:people'])
    tellOthers(memoryCache, 20)
    expect(memoryCache.overtaken({ 'tag:people': 'token' }, 5)).toBe(true)
    expect(memoryCache.get('agents')).toBeUndefined()
  })
})
