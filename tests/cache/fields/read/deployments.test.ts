import { beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { sendOnce } from '@/local/engine/sendOnce'
import { endCoolDowns } from '../../../kit/fields/coolDowns'
import { type FieldProcess, field, storedEntry } from '../../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../../kit/fields/fieldServers'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read, pass, start } = servers

/** Releases of the app that run at the same time, each with a shape of its own. */
interface Release {
  fetcher: ReturnType<typeof vi.fn<() => Promise<unknown>>>
  config: FieldCacheConfig<unknown>
  shape: unknown
  processes: FieldProcess[]
}

const rest = { tags: ['people'], staleIfError: 60 }
let releases: Release[]
const [old, next] = [() => releases[0] as Release, () => releases[1] as Release]

async function release(deployment: string, shape: unknown, schema: z.ZodType<unknown>): Promise<Release> {
  const fetcher = vi.fn(async () => shape)
  return {
    fetcher,
    shape,
    config: field<unknown>(fetcher, { ...rest, schema }),
    processes: [await start({ deployment }), await start({ deployment })],
  }
}

/** Reads with every process; what each of them got. */
async function readAll(): Promise<{ statuses: string[]; fetches: number[] }> {
  for (const { fetcher } of releases) fetcher.mockClear()
  const statuses: string[] = []
  for (const position of [0, 1]) {
    for (const { config, shape, processes } of releases) {
      const answer = await read(config, processes[position])
      expect(answer.data).toEqual(shape)
      statuses.push(answer.status)
    }
  }
  return { statuses, fetches: releases.map(({ fetcher }) => fetcher.mock.calls.length) }
}

beforeEach(async () => {
  releases = [
    await release('old', ['Ana'], z.array(z.string())),
    await release('next', [{ name: 'Ana' }], z.array(z.object({ name: z.string() }))),
  ]
})

const allHits = { statuses: Array(4).fill('hit'), fetches: [0, 0] }

describe('two releases with different shapes over one Redis', () => {
  it('two releases with different shapes cost one fetch each, and only hits from then on', async () => {
    expect(await readAll()).toEqual({ statuses: ['miss', 'miss', 'hit', 'hit'], fetches: [1, 1] })
    for (let round = 0; round < 3; round += 1) expect(await readAll()).toEqual(allHits)
  })

  it('two releases with different shapes do not overwrite each other when their values expire', async () => {
    await readAll()
    pass(130)
    expect((await readAll()).fetches).toEqual([1, 1])
    expect(await readAll()).toEqual(allHits)
  })

  it('of two releases that begin together, the one that waited finds the other’s shape, and fetches', async () => {
    const reads = releases.flatMap(({ config, processes }) =>
      processes.map(async (server) => (await read(config, server)).data),
    )
    expect(await Promise.all(reads)).toEqual(releases.flatMap(({ shape }) => [shape, shape]))
    for (const { fetcher } of releases) expect(fetcher).toHaveBeenCalledTimes(1)
    expect(await readAll()).toEqual(allHits)
  })

  it.each([
    ['tags', (server: FieldProcess) => invalidateTags(['people'], server.runtime)],
    ['the field', (server: FieldProcess) => invalidateField({ key: 'agents_list' }, server.runtime)],
  ])('an invalidation of %s reaches both releases', async (_, invalidate) => {
    await readAll()
    await invalidate(servers.here)
    expect((await readAll()).fetches).toEqual([1, 1])
    expect(await readAll()).toEqual(allHits)
  })

  it.each([
    ['the old one', 0],
    ['the new one', 1],
  ])('a force of %s reaches both releases', async (_, position) => {
    await readAll()
    const { config, processes } = releases[position] as Release
    expect((await read(config, processes[0], 'always')).status).toBe('refreshed')
    expect(await read(config, processes[1])).toMatchObject({ status: 'hit' })
    const fetches = [1, 1]
    fetches[position] = 0
    expect((await readAll()).fetches).toEqual(fetches)
    expect(await readAll()).toEqual(allHits)
  })

  it('new processes use the usual slot again once the old release is gone and its value has ended', async () => {
    await readAll()
    await sendOnce(redis.engine.url, ['DEL', 'test:v1:agents_list'])
    await endCoolDowns(redis)
    const server = await start({ deployment: 'next' })
    pass(130)
    await read(next().config, server)
    expect((await storedEntry(server.runtime, 'agents_list'))?.body).toBe(JSON.stringify(next().shape))
  })

  it('each of two releases serves its own last good value when the source fails', async () => {
    await readAll()
    pass(61)
    for (const { config, shape, processes, fetcher } of releases) {
      fetcher.mockRejectedValue(new Error('down'))
      expect(await read(config, processes[1])).toMatchObject({ data: shape, status: 'degraded' })
    }
  })
})

describe('three releases with different shapes', () => {
  it('three releases with different shapes do not wait for each other', async () => {
    releases.push(await release('canary', 'Ana', z.string()))
    await read(old().config, old().processes[0])
    const reads = releases.map(async ({ config, processes }) => (await read(config, processes[0])).data)
    expect(await Promise.all(reads)).toEqual(releases.map(({ shape }) => shape))
    expect((await readAll()).fetches).toEqual([0, 0, 0])
    for (const { events } of releases.flatMap(({ processes }) => processes))
      expect(events.of('lease.held')).toEqual([])
  })
})

describe('two releases with the same shape', () => {
  it('two releases with the same shape share what they fetch', async () => {
    const other = await start({ deployment: 'other' })
    expect((await read(old().config, old().processes[0])).status).toBe('miss')
    expect((await read(old().config, other)).status).toBe('hit')
  })
})
