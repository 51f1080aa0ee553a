import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type EngineOptions, type RedisEngine, startEngine } from '@/local/engine'
import { sendOnce } from '@/local/engine/sendOnce'
import { listenOnLoopback } from '@/local/loopback'
import { testEngineKind } from '../../kit/redis/testRedis'

const running: RedisEngine[] = []

async function start(options: EngineOptions): Promise<RedisEngine> {
  const engine = await startEngine(options)
  running.push(engine)
  return engine
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((engine) => engine.stop()))
})

const parsePort = ({ url }: RedisEngine): number => Number(new URL(url).port)

describe('an engine of the kind under test', () => {
  const kind = testEngineKind()

  it('answers as soon as it is started', async () => {
    const engine = await start({ kind })
    expect(engine.kind).toBe(kind)
    expect(engine.url).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/)
    await expect(sendOnce(engine.url, ['PING'])).resolves.toBe('PONG')
  })

  it('listens on 127.0.0.1 only', async () => {
    const engine = await start({ kind })
    const elsewhere = `redis://127.0.0.2:${parsePort(engine)}`
    await expect(sendOnce(elsewhere, ['PING'])).rejects.toThrow()
  })

  it('breaks its connections and forgets its data when stopped, and comes back on the same port', async () => {
    const first = await start({ kind })
    await sendOnce(first.url, ['SET', 'k', 'v'])
    await first.stop()
    await expect(sendOnce(first.url, ['PING'])).rejects.toThrow()

    const second = await start({ kind, port: parsePort(first) })
    expect(second.url).toBe(first.url)
    await expect(sendOnce(second.url, ['GET', 'k'])).resolves.toBeNull()
  })

  it('has the commands of the vendor that are not about data', async () => {
    const { url } = await start({ kind })
    await expect(sendOnce(url, ['ECHO', 'héllo'])).resolves.toBe('héllo')
    await sendOnce(url, ['SET', 'k', 'v'])
    await expect(sendOnce(url, ['MEMORY', 'USAGE', 'k', 'SAMPLES', '0'])).resolves.toBeGreaterThan(0)
    await expect(sendOnce(url, ['MEMORY', 'USAGE', 'none'])).resolves.toBeNull()
    await expect(sendOnce(url, ['MEMORY', 'USAGE', 'k', 'BAD', '0'])).rejects.toThrow(/syntax error/)
  })

  it('runs scripts with a shebang, and keeps those from writing that say they only read', async () => {
    const { url } = await start({ kind })
    const script = (flags: string): string => `#!lua${flags}\nreturn redis.call("SET", KEYS[1], "written")`
    await expect(sendOnce(url, ['EVAL', script(''), '1', 'k'])).resolves.toBe('OK')
    const readOnly = script(' flags=allow-oom,no-writes')
    await expect(sendOnce(url, ['EVAL', readOnly, '1', 'k'])).rejects.toThrow(
      /Write commands are not allowed/,
    )
    const sha = String(await sendOnce(url, ['SCRIPT', 'LOAD', readOnly]))
    expect(sha).toBe(createHash('sha1').update(readOnly).digest('hex'))
    await expect(sendOnce(url, ['EVALSHA', sha, '1', 'k'])).rejects.toThrow(/Write commands are not allowed/)
  })

  it('can be stopped twice', async () => {
    const engine = await start({ kind })
    await engine.stop()
    await engine.stop()
  })

  it('gives engines started at the same time ports and data of their own', async () => {
    const engines = await Promise.all([1, 2, 3, 4].map(() => start({ kind })))
    await Promise.all(engines.map(({ url }) => sendOnce(url, ['SET', 'url', url])))
    const stored = await Promise.all(engines.map(({ url }) => sendOnce(url, ['GET', 'url'])))
    expect(stored).toEqual(engines.map(({ url }) => url))
  })

  it('says that a port is taken', async () => {
    const blocker = createServer()
    const port = await listenOnLoopback(blocker, 0)
    try {
      await expect(start({ kind, port })).rejects.toThrow(/already in use/)
    } finally {
      blocker.close()
    }
  })
})

describe('the choice of an engine', () => {
  it('says how to get redis-server when it is asked for and missing', async () => {
    vi.stubEnv('PATH', '')
    await expect(start({ kind: 'redis-server' })).rejects.toThrow(
      /redis-server is not on the PATH.*Install it/s,
    )
  })

  it('falls back to the embedded engine only when it may choose', async () => {
    vi.stubEnv('PATH', '')
    await expect(start({ kind: 'auto' })).resolves.toMatchObject({ kind: 'embedded' })
  })

  it('prefers a Redis that is given, and leaves it running', async () => {
    const given = await start({ kind: 'embedded' })
    const engine = await start({ kind: 'auto', url: given.url })
    expect(engine).toMatchObject({ kind: 'external', url: given.url })
    await engine.stop()
    await expect(sendOnce(given.url, ['PING'])).resolves.toBe('PONG')
  })

  it('rejects when there is no answer at the given url, without repeating its password', async () => {
    const gone = await start({ kind: 'embedded' })
    await gone.stop()
    const url = `redis://user:hunter2@127.0.0.1:${parsePort(gone)}`
    const failure = start({ kind: 'external', url })
    await expect(failure).rejects.toThrow(/no Redis answers at redis:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/)
    await expect(failure).rejects.not.toThrow(/hunter2/)
  })

  it('an external Redis needs a url', async () => {
    await expect(start({ kind: 'external' })).rejects.toThrow(/needs its url/)
  })
})
