/** Errors by which the framework steers pass untouched, and leave nothing behind that others would wait for. */
import { beforeEach, expect, it, vi } from 'vitest'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { beginRun, toFieldSubject } from '@/lib/core-services/cache/operations/refreshLog'
import type { WatchRuntime } from '@/lib/core-services/cache/operations/watchRuntime'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '../kit/fields/fieldProcess'

const notFound = new Error('NEXT_HTTP_ERROR_FALLBACK;404')
const isControlFlow = (error: unknown) => error === notFound
const steering = vi.fn(async (): Promise<string> => Promise.reject(notFound))
const works = async () => 'there is one by now'
const test = await createTestCache({ ports: { isControlFlow } })
beforeEach(() => test.reset())

it('after a fetch that ended so, the next reader in another instance fetches at once', async () => {
  const { runtime } = await test.another({ ports: { isControlFlow } })
  await expect(test.read(field(steering))).rejects.toBe(notFound)
  await test.backgroundWork()
  // What is given back keeps its name for a millisecond. Then the clock stands still: no wait for a lease would end.
  test.clock.advance(1)
  expect(await readFieldCache(field(works), 'never', runtime)).toMatchObject({ data: await works() })
})

it('a force by a caller without the token that ended so starts no cool-down', async () => {
  const open = { anonymousForce: 60 }
  await expect(test.read(field(steering, open), 'anonymous')).rejects.toBe(notFound)
  await test.backgroundWork()
  test.clock.advance(1)
  expect(await test.read(field(works, open), 'anonymous')).toMatchObject({
    status: 'refreshed',
  })
  expect(await test.read(field(works, open), 'anonymous')).toMatchObject({
    status: 'cooldown',
  })
})

it('what is given back after the answer rejects nowhere when Redis cannot be asked outside of a request', async () => {
  const background: Promise<void>[] = []
  const { runtime } = await test.another({
    ports: { isControlFlow, defer: (work) => background.push(work()) > 0 },
  })
  await expect(readFieldCache(field(steering), 'never', runtime)).rejects.toBe(notFound)
  const store = await runtime.store()
  runtime.store = async () => ({ ...store, endLease: () => Promise.reject(notFound) })
  await expect(readFieldCache(field(steering, { key: 'other' }), 'never', runtime)).rejects.toBe(notFound)
  await expect(Promise.all(background)).resolves.toBeDefined()
})

it('a refresh by hand whose beginning ended so is not under way', async () => {
  const runtime: WatchRuntime = test.runtime
  const notes = await runtime.sharedRecords()
  const run = { startedAt: runtime.ports.clock.now(), endedAt: null, until: Number.MAX_SAFE_INTEGER }
  const steered = {
    ...runtime,
    sharedRecords: async () => ({ ...notes, claim: () => Promise.reject(notFound) }),
  }
  await expect(beginRun(steered, toFieldSubject('agents_list'), run)).rejects.toBe(notFound)
  expect(
    await beginRun(runtime, toFieldSubject('agents_list'), { ...run, until: run.startedAt + 1_000 }),
  ).toBe(true)
})
