import { beforeEach, describe, expect, it, vi } from 'vitest'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { sendOnce } from '@/local/engine/sendOnce'
import { field } from '../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../kit/fields/fieldServers'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read } = servers

const DAY = 86_400
const supportCases = (account: string, rest: Partial<FieldCacheConfig<string>> = {}) =>
  field(async () => `cases of ${account}`, {
    name: 'support-cases',
    key: `support:cases:${account}`,
    tags: ['cases', 'accounts'],
    ...rest,
  })
const configured = field(async () => 'configured', { tags: ['cases'] })

beforeEach(() => {
  defineFields([configured])
})

const tokenLife = (guard: string) => sendOnce(redis.engine.url, ['TTL', `test:v1~token:${guard}`])

describe('a member of a family', () => {
  it.each([
    ['a first miss', async () => undefined],
    ['a force', (config: FieldCacheConfig<string>) => read(config, servers.here, 'always')],
    ['an invalidation', (config: FieldCacheConfig<string>) => invalidateField(config, servers.here.runtime)],
  ])('has a token of its own that is forgotten after 30 days, also after %s', async (_, run) => {
    const config = supportCases('42')
    await read(config)
    await run(config)
    expect(await tokenLife('key:support:cases:42')).toBeGreaterThan(30 * DAY - 60)
    expect(await tokenLife('key:support:cases:42')).toBeLessThanOrEqual(30 * DAY)
    expect(await tokenLife('tag:cases')).toBe(-1)
  })

  it('that is first read by a force has such a token, too', async () => {
    await read(supportCases('42'), servers.here, 'always')
    expect(await tokenLife('key:support:cases:42')).toBeGreaterThan(30 * DAY - 60)
  })

  it('keeps its token longer than its entry, and for ever if that is', async () => {
    await read(supportCases('1', { ttl: 40 * DAY, staleIfError: 20 * DAY }))
    expect(await tokenLife('key:support:cases:1')).toBeGreaterThan(60 * DAY)
    await read(supportCases('2', { ttl: 'forever' }))
    expect(await tokenLife('key:support:cases:2')).toBe(-1)
  })

  it('whose token is gone is fetched once more', async () => {
    const fetcher = vi.fn(async () => 'cases')
    const config = supportCases('42', { fetcher })
    await read(config)
    await sendOnce(redis.engine.url, ['DEL', 'test:v1~token:key:support:cases:42'])
    expect((await read(config)).status).toBe('miss')
    expect((await read(config, servers.there)).status).toBe('hit')
    expect(fetcher).toHaveBeenCalledTimes(2)
  })
})

describe('a configured field', () => {
  it('has a token that is never forgotten, also after a force and an invalidation', async () => {
    await read(configured)
    expect(await tokenLife('key:agents_list')).toBe(-1)
    await read(configured, servers.here, 'always')
    expect(await tokenLife('key:agents_list')).toBe(-1)
    await invalidateField(configured, servers.here.runtime)
    expect(await tokenLife('key:agents_list')).toBe(-1)
  })
})
