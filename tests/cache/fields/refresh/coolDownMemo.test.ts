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
  it('cost a command each in the process that saw it fail', async () => {
    await readAndRefresh(servers.here)
    for (let time = 0; time < 3; time += 1)
      expect(await costOf(() => readAndRefresh(servers.here))).toMatchObject({ commands: 1, requests: 1 })
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  it('cost two more once in another one, which only reads of it', async () => {
    await readAndRefresh(servers.here)
    expect(await costOf(() => readAndRefresh(servers.there))).toMatchObject({ commands: 3 })
    for (let time = 0; time < 3; time += 1)
      expect(await costOf(() => readAndRefresh(servers.there))).toMatchObject({ commands: 1, requests: 1 })
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  it('ask the source again after it, in all processes', async () => {
    await readAndRefresh(servers.here)
    await readAndRefresh(servers.there)
    await endCoolDowns(redis)
    pass(6)
    fetcher.mockReset().mockResolvedValue('back')
    await readAndRefresh(servers.there)
    expect(await read(config)).toMatchObject({ data: 'back', status: 'hit' })
  })

  it('are over as soon as a force has stored a new value', async () => {
    await readAndRefresh(servers.here)
    await readAndRefresh(servers.there)
    fetcher.mockReset().mockResolvedValue('back')
    await read(config, servers.there, 'always')
    expect(await read(config)).toMatchObject({ data: 'back', status: 'hit' })
  })
})

describe('stale reads while another process fetches', () => {
  it('cost a command each after the first', async () => {
    fetcher.mockReset().mockReturnValue(new Promise(() => undefined))
    await read(config)
    void finishDeferredWork()
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    await readAndRefresh(servers.there)
    expect(await costOf(() => readAndRefresh(servers.there))).toMatchObject({ commands: 1, requests: 1 })
    expect(fetcher).toHaveBeenCalledTimes(1)
  })
})
