import { beforeEach, describe, expect, it } from 'vitest'
import { rootFailure } from '@/lib/core-services/cache/errors'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { commandError } from '@/lib/core-services/cache/redis/transport/replies'
import { createWriteHealth } from '@/lib/core-services/cache/redis/transport/writeHealth'
import { manualClock } from '@/lib/testing/clock'
import { createTestCache } from '@/lib/testing/testCache'

const OOM = "OOM command not allowed when used memory > 'maxmemory'."
const LOADING = 'LOADING Redis is loading the dataset in memory'
const sha = 'caeeee01384f6b04384c56d69c27aa65287fb306'

describe('the text with which Redis refuses', () => {
  it.each([
    ['REDIS_FULL', OOM],
    ['REDIS_FULL', `${OOM} script: ${sha}, on @user_script:1.`],
    ['REDIS_FULL', `ERR user_script:1: ${OOM} script: ${sha}, on @user_script:1.`],
    ['REDIS_FULL', `ERR Error running script (call to f_${sha}): @user_script:1: @user_script: 1: -${OOM}`],
    [
      'REDIS_FULL',
      "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
    ],
    ['REDIS_FULL', "ERR command not allowed when used memory > 'maxmemory'."],
    ['REDIS_FULL', `EXECABORT Transaction discarded because of: ${OOM}`],
    ['REDIS_FULL', 'ERR DB capacity quota exceeded'],
    ['REDIS_READ_ONLY', "READONLY You can't write against a read only replica."],
    [
      'REDIS_READ_ONLY',
      `-READONLY You can't write against a read only replica. script: ${sha}, on @user_script:1.`,
    ],
    ['REDIS_READ_ONLY', 'READONLY Can not run script with write flag on readonly replica.'],
    [
      'REDIS_CANNOT_PERSIST',
      'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
    ],
    ['REDIS_CANNOT_PERSIST', 'MISCONF Errors writing to the AOF file: No space left on device'],
    ['REDIS_CANNOT_PERSIST', 'NOREPLICAS Not enough good replicas to write.'],
    ['REDIS_LOADING', LOADING],
    ['REDIS_LOADING', "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."],
    [
      'REDIS_LOADING',
      'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    ],
    ['REDIS_QUOTA', 'ERR max requests limit exceeded. Limit: 500000, Usage: 500000'],
    [
      'REDIS_QUOTA',
      'Command 1 [ incr ] failed: ERR max requests limit exceeded. Limit: 500000, Usage: 500000',
    ],
    ['REDIS_UNAUTHORIZED', "NOPERM this user has no permissions to run the 'set' command"],
    // Texts of users that an error repeats, and other errors with a similar beginning.
    ['REDIS_COMMAND_FAILED', "ERR unknown command 'x', with args beginning with: 'OOM' 'READONLY'"],
    ['REDIS_COMMAND_FAILED', 'BUSYKEY Target key name already exists.'],
    ['REDIS_COMMAND_FAILED', 'ERR value is not an integer or out of range'],
  ])('a refusal of Redis becomes %s: %s', (code, text) => {
    const error = commandError('set', text)
    expect(error).toMatchObject({ code, hint: expect.stringMatching(/\w/) })
    expect(error.message).not.toContain('with args beginning with')
  })
})

describe('what a process knows of writes', () => {
  const clock = manualClock()
  const refuse = () => commandError('set', OOM)

  it('writes count as refused from the first refusal until a write succeeds', () => {
    const writes = createWriteHealth(clock)
    writes.record('set', null)
    expect(writes.refused).toBeNull()
    const since = clock.now()
    writes.record('msetnx', refuse())
    clock.advance(5_000)
    writes.record('eval', refuse())
    expect(writes.refused).toMatchObject({ code: 'REDIS_FULL', since, lastAt: clock.monotonic() })
    // A full Redis accepts reads, deletes and scripts too, and an outage proves nothing.
    for (const command of ['mget', 'ping', 'unlink', 'eval', 'expire']) writes.record(command, null)
    writes.record('set', commandError('set', LOADING))
    expect(writes.refused).toMatchObject({ code: 'REDIS_FULL', since })
    writes.record('SET', null)
    expect(writes.refused).toBeNull()
  })

  it('writes count as refused with a read-only token, and not with a wrong one', () => {
    const writes = createWriteHealth(clock)
    writes.record(
      'set',
      Object.assign(new Error('x'), { name: 'FieldCacheError', code: 'REDIS_UNAUTHORIZED' }),
    )
    expect(writes.refused).toBeNull()
    writes.record('set', commandError('set', "NOPERM this user has no permissions to run the 'set' command"))
    expect(writes.refused).toMatchObject({ code: 'REDIS_UNAUTHORIZED' })
  })
})

describe('a Redis that answers errors', () => {
  const people = { name: 'people', key: 'people', ttl: 60, fetcher: async () => 'v1' }
  let asked: string[]
  let reply: (body: string) => Response | undefined

  /** A process with requests that `reply` may answer. */
  const start = async () => {
    asked = []
    const started = await createTestCache()
    const shared = started.runtime.ports.fetch
    return started.another({
      ports: {
        fetch: async (url, init) => {
          const body = new TextDecoder().decode(init.body as Uint8Array)
          asked.push(body)
          return reply(body) ?? shared(url, init)
        },
      },
    })
  }
  beforeEach(() => {
    reply = () => undefined
  })
  const refused = (error: string, status = 400) => Response.json({ error }, { status })
  const eachRefused = (error: string) => (body: string) =>
    body.startsWith('[[') ? Response.json(JSON.parse(body).map(() => ({ error }))) : undefined

  it('a pipeline with an error in every entry opens the circuit', async () => {
    const { cache } = await start()
    reply = eachRefused(LOADING)
    for (let count = 0; count < 5; count += 1)
      await cache.pipeline((redis) => [redis.get('a'), redis.set('b', 1)])
    expect(cache.breaker.state).toBe('open')
    expect(cache.counters).toMatchObject({ failures: 5, last: { answered: false } })
  })

  it('a Redis that refuses writes is still read, and its refusal is remembered', async () => {
    const { cache, events } = await start()
    reply = eachRefused(OOM)
    for (let count = 0; count < 10; count += 1) await cache.pipeline((redis) => [redis.set('b', 1)])
    expect(cache.breaker.state).toBe('closed')
    expect(cache.counters.last?.answered).toBe(true)
    expect(cache.refusedWrites).toMatchObject({ code: 'REDIS_FULL' })
    expect(events.all.filter((event) => event.type === 'redis.requested').at(-1)).toMatchObject({
      code: 'REDIS_FULL',
    })
    reply = () => undefined
    await cache.probeWrites()
    expect(cache.refusedWrites).toBeNull()
  })

  it('a Redis that refuses each single write does not open the circuit', async () => {
    const { cache } = await start()
    reply = (body) => (body.includes('"SET"') ? refused(OOM) : undefined)
    for (let count = 0; count < 10; count += 1) await cache.set('a', 1)
    expect(cache.breaker.state).toBe('closed')
    expect(await cache.get('a')).toBeNull()
  })

  it('a Redis that is loading is asked once more, also for writes, since it executed nothing', async () => {
    const { cache } = await start()
    let left = 1
    reply = () => (left-- > 0 ? refused(LOADING) : undefined)
    expect(await cache.set('a', 1)).toBe('OK')
    expect(asked.filter((body) => body.includes('SET'))).toHaveLength(2)
    left = 2
    expect(await cache.attempt((redis) => redis.set('a', 2))).toMatchObject({
      ok: false,
      error: { code: 'REDIS_LOADING', retryAfter: 5 },
    })
  })

  it('the error of an open circuit names the failure of Redis', async () => {
    const { cache } = await start()
    reply = () => refused('ERR max requests limit exceeded. Limit: 500000, Usage: 500000')
    for (let count = 0; count < 6; count += 1) await cache.get('a')
    const outcome = await cache.attempt((redis) => redis.get('a'))
    if (outcome.ok) throw new Error('it was answered')
    expect([outcome.error.code, rootFailure(outcome.error).code]).toEqual([
      'REDIS_CIRCUIT_OPEN',
      'REDIS_QUOTA',
    ])
  })

  it.each([OOM, "READONLY You can't write against a read only replica.", LOADING])(
    'a force fetches once when Redis refuses writes, with purge or without: %s',
    async (text) => {
      const { runtime } = await start()
      await readFieldCache(people, 'never', runtime)
      let fetches = 0
      const counted = { ...people, fetcher: async () => `v${++fetches}` }
      reply = (body) => (/"(EVAL|SET|MSETNX|UNLINK)"/.test(body) ? refused(text) : undefined)
      expect(await forceRefresh(runtime, counted, 'force', { purge: true })).toMatchObject({ stored: false })
      expect(await forceRefresh(runtime, counted, 'force')).toMatchObject({ stored: false })
      expect(fetches).toBe(2)
    },
  )

  it.each([
    ['REDIS_LOADING', LOADING],
    ['REDIS_CANNOT_PERSIST', 'MISCONF Redis is configured to save RDB snapshots, but it cannot.'],
    ['REDIS_QUOTA', 'ERR max requests limit exceeded. Limit: 500000, Usage: 500000'],
    ['REDIS_COMMAND_FAILED', "ERR unknown command 'redis'"],
  ])('a refused ping at start is never reported as another service: %s', async (code, text) => {
    reply = (body) => (body.includes('PING') ? refused(text) : undefined)
    const error = await start().catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code, hint: expect.stringMatching(/\w/) })
    expect(String(error)).not.toMatch(/not (Upstash )?Redis|answers is not/)
  })
})
