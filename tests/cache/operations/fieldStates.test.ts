import { expect, it } from 'vitest'
import type { AnyField } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { type FieldState, readFieldStates } from '@/lib/core-services/cache/operations/fieldStates'
import { deferred } from '../../kit/clock/deferred'
import { type FieldProcess, field } from '../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../kit/fields/fieldServers'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)

const named = (name: string, rest: Partial<AnyField> = {}): AnyField => ({
  ...field<unknown>(async () => name.repeat(5_000)),
  name,
  key: `${name}_key`,
  ...rest,
})
const statesOf = async (fields: AnyField[], server: FieldProcess = servers.there) =>
  (await readFieldStates(server.runtime, fields)).fields
const stateOf = async (one: AnyField, server?: FieldProcess) =>
  (await statesOf([one], server))[0] as FieldState
const look = (fields: AnyField[]) => servers.costOf(() => statesOf(fields))

it('the state of a field is fresh, stale, reserve or expired by the age of its value, or never fetched', async () => {
  const [windows, never] = [named('windows', { staleWhileRevalidate: 60, staleIfError: 60 }), named('never')]
  await servers.read(windows, servers.here)
  const seen: string[] = []
  for (let minute = 0; minute < 4; minute += 1) {
    seen.push((await stateOf(windows)).condition)
    servers.pass(60)
  }
  expect(seen).toEqual(['fresh', 'stale', 'degraded', 'expired'])
  expect(await stateOf(never)).toMatchObject({ condition: 'absent', fetchedAt: null, storedBytes: 0 })
})

it('the state of a field holds when its value was fetched, until when it is fresh and served, and its size in Redis', async () => {
  const windows = named('windows', { staleWhileRevalidate: 30 })
  const before = servers.here.runtime.ports.clock.now()
  await servers.read(windows, servers.here)
  const { fetchedAt, freshUntil, servedUntil, storedBytes } = await stateOf(windows)
  expect(fetchedAt).toBeGreaterThanOrEqual(Math.floor(before))
  expect([freshUntil, servedUntil]).toEqual([(fetchedAt ?? 0) + 60_000, (fetchedAt ?? 0) + 90_000])
  expect(storedBytes).toBeGreaterThan(100)
  const forever = named('forever', { ttl: 'forever' })
  await servers.read(forever, servers.here)
  expect(await stateOf(forever)).toMatchObject({ condition: 'fresh', freshUntil: null, servedUntil: null })
})

it('the state of a field shows at the next lookup what another instance has refreshed or invalidated', async () => {
  const tagged = named('tagged', { tags: ['people'] })
  await servers.read(tagged, servers.here)
  const { fetchedAt } = await stateOf(tagged)
  servers.pass(20)
  await servers.read(tagged, servers.here, 'always')
  expect((await stateOf(tagged)).fetchedAt).toBeGreaterThan((fetchedAt ?? 0) + 19_000)
  await invalidateTags(['people'], servers.here.runtime)
  expect((await stateOf(tagged)).condition).toBe('invalidated')
  await servers.read(tagged, servers.here)
  expect((await stateOf(tagged)).condition).toBe('fresh')
})

it('the state of a field follows the tokens of tags that only its value names', async () => {
  const page = named('page', { dependsOn: () => ['product:1', 'product:2'] })
  await servers.read(page, servers.here)
  expect((await stateOf(page)).condition).toBe('fresh')
  await invalidateTags(['product:2'], servers.here.runtime)
  expect((await stateOf(page)).condition).toBe('invalidated')
})

it('the state of a field shows a fetch for a reader, and the cool-down of a source that has failed', async () => {
  const gate = deferred<unknown>()
  const slow = named('slow', { fetcher: () => gate.promise })
  await servers.read({ ...slow, fetcher: async () => 'first' }, servers.here)
  servers.pass(70)
  await stateOf(slow)
  const reading = servers.read(slow, servers.here)
  await expect.poll(async () => (await stateOf(slow)).fetching, { interval: 10 }).toBe(true)
  gate.reject(new Error('down'))
  await expect(reading).rejects.toThrow('down')
  expect(await stateOf(slow)).toMatchObject({ fetching: false, cooling: 'SOURCE_FAILED' })
})

it('the states of fresh fields cost one command for any number of fields, and read no value', async () => {
  const fields = ['a', 'b', 'c', 'd', 'e'].map((name) =>
    named(name, { tags: ['one', 'two'], advanced: { compression: false } }),
  )
  await Promise.all(fields.map((one) => servers.read(one, servers.here)))
  // The first look of a process asks for each header and its size.
  const first = await look(fields)
  expect(first).toMatchObject({ commands: 11, requests: 1 })
  expect(first.bytes).toBeLessThan(5 * 2_600)
  const next = await look(fields)
  expect(next).toMatchObject({ commands: 1, requests: 1 })
  expect(next.bytes).toBeLessThan(1_500)
})

it('the states of fields are looked up each time for fields that are not fresh, and once a minute for the others', async () => {
  const [old, lasting] = [
    named('old', { ttl: 1, staleWhileRevalidate: 3_600 }),
    named('lasting', { ttl: 3_600 }),
  ]
  for (const one of [old, lasting]) await servers.read(one, servers.here)
  await statesOf([old, lasting])
  servers.pass(30)
  expect(await look([old, lasting])).toMatchObject({ commands: 3, requests: 1 })
  await (await servers.here.runtime.store()).remove('test:v1:lasting_key')
  expect((await stateOf(lasting)).condition).toBe('fresh')
  servers.pass(31)
  expect((await stateOf(lasting)).condition).toBe('absent')
})

it('the state of a field with a long header takes one more request', async () => {
  const many = Array.from({ length: 200 }, (_, index) => `product:${index}`)
  const wide = named('wide', { dependsOn: () => many })
  await servers.read(wide, servers.here)
  expect((await stateOf(wide)).condition).toBe('fresh')
})

it('the state of a field is unreadable where this release has not written its key, of whatever kind it is', async () => {
  const { store } = servers.here.runtime
  const [text, list] = [named('text'), named('list')]
  await (await store()).write('test:v1:text_key', 'fc99 {"of":"another release"}\n1', 60)
  await fetch(redis.url, {
    method: 'POST',
    headers: { authorization: `Bearer ${redis.token}` },
    body: JSON.stringify(['RPUSH', 'test:v1:list_key', '1']),
  })
  expect((await statesOf([text, list])).map(({ condition }) => condition)).toEqual([
    'unreadable',
    'unreadable',
  ])
})
