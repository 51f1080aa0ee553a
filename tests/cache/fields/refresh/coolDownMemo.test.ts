import { beforeEach, describe, expect, it, vi } from 'vitest'
import { endCoolDowns } from '../../../kit/fields/coolDowns'
import { type FieldProcess, field } from '../../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../../kit/fields/fieldServers'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read, pass, costOf, finishDeferredWork } = servers

const fetcher = vi.fn<() => Promise<string>>()
const config = field(fetcher, { ttl: 60, staleWhileRevalidate: 600, staleIfError: 600 })
const readAndRefresh = async (server: FieldProcess) => {
  expect((await read(config, server)).status).toBe('stale')
  await finishDeferredWork()
}

beforeEach(async () => {
  fetcher.mockReset().mockResolvedValueOnce('good').mockRejectedValue(new Error('down'))
  await read(config)
  pass(61)
})

describe('stale reads while a failing source is left alone', () => {
  it('a stale read during a cool-down costs one command in the process that saw the source fail', async () => {
    await readAndRefresh(servers.here)
    for (let time = 0; time < 3; time += 1)
      expect(await costOf(() => readAndRefresh(servers.here))).toMatchObject({ commands: 1, requests: 1 })
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  it('a stale read during a cool-down costs two more commands once in a process that only reads of the failure', async () => {
    await readAndRefresh(servers.here)
    expect(await costOf(() => readAndRefresh(servers.there))).toMatchObject({ commands: 3 })
    for (let time = 0; time < 3; time += 1)
      expect(await costOf(() => readAndRefresh(servers.there))).toMatchObject({ commands: 1, requests: 1 })
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  it('stale reads in all processes ask the source again after the cool-down', async () => {
    await readAndRefresh(servers.here)
    await readAndRefresh(servers.there)
    await endCoolDowns(redis)
    pass(6)
    fetcher.mockReset().mockResolvedValue('back')
    await readAndRefresh(servers.there)
    expect(await read(config)).toMatchObject({ data: 'back', status: 'hit' })
  })

  it('a force that stores a new value ends stale reads', async () => {
    await readAndRefresh(servers.here)
    await readAndRefresh(servers.there)
    fetcher.mockReset().mockResolvedValue('back')
    await read(config, servers.there, 'always')
    expect(await read(config)).toMatchObject({ data: 'back', status: 'hit' })
  })
})

describe('stale reads while another process fetches', () => {
  it('each stale read after the first costs one command while another process fetches', async () => {
    fetcher.mockReset().mockReturnValue(new Promise(() => undefined))
    await read(config)
    void finishDeferredWork()
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    await readAndRefresh(servers.there)
    expect(await costOf(() => readAndRefresh(servers.there))).toMatchObject({ commands: 1, requests: 1 })
    expect(fetcher).toHaveBeenCalledTimes(1)
  })
})
