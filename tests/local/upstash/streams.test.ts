import { Redis } from '@upstash/redis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startUpstashServer } from '@/local/upstash/server'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const redis = redisForThisFile()
const opened: AbortController[] = []
beforeEach(() => redis.flush())
afterEach(() => {
  for (const controller of opened.splice(0)) controller.abort()
})

const command = async (...body: unknown[]): Promise<unknown> => {
  const answer = await rest(redis, '/', { body })
  return (answer.body as { result: unknown }).result
}
const publish = (channel: string, message: string) => command('PUBLISH', channel, message)

/** An open stream, read event by event. */
async function open(path: string, { method = 'POST', token = redis.token, url = redis.url } = {}) {
  const abort = new AbortController()
  opened.push(abort)
  const response = await fetch(url + path, {
    method,
    // What the vendor's client posts along.
    ...(method === 'POST' ? { body: '[]' } : {}),
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
    signal: abort.signal,
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let buffered = ''
  /** Undefined once the stream has ended. */
  const next = async (): Promise<string | undefined> => {
    while (!buffered.includes('\n\n')) {
      const read = await reader?.read()
      if (read === undefined || read.done) return undefined
      buffered += read.value
    }
    const [event = '', ...others] = buffered.split('\n\n')
    buffered = others.join('\n\n')
    return event
  }
  return { response, next, abort: () => abort.abort() }
}

describe.each(['GET', 'POST'])('a subscription by %s', (method) => {
  it('a subscription is confirmed, then gets what is published, and nothing else', async () => {
    const chat = await open('/subscribe/chat', { method })
    expect(chat.response.status).toBe(200)
    expect(chat.response.headers.get('content-type')).toBe('text/event-stream')
    expect(chat.response.headers.get('upstash-sync-token')).toBeTruthy()
    expect(await chat.next()).toBe('data: subscribe,chat,1')
    await expect(publish('other', 'not for us')).resolves.toBe(0)
    await expect(publish('chat', 'hello, ünï 😀')).resolves.toBe(1)
    await publish('chat', '{"n":1,"list":[1,2]}')
    expect(await chat.next()).toBe('data: message,chat,hello, ünï 😀')
    expect(await chat.next()).toBe('data: message,chat,{"n":1,"list":[1,2]}')
  })
})

describe('a subscription', () => {
  it('subscribes to several channels, named as in the path', async () => {
    const both = await open('/subscribe/a:b/c%20d')
    expect(await both.next()).toBe('data: subscribe,a:b,1')
    expect(await both.next()).toBe('data: subscribe,c d,2')
    await publish('c d', 'x')
    expect(await both.next()).toBe('data: message,c d,x')
  })

  it('subscribes to patterns', async () => {
    const news = await open('/psubscribe/news.*')
    expect(await news.next()).toBe('data: psubscribe,news.*,1')
    await publish('news.sport', 'goal')
    expect(await news.next()).toBe('data: pmessage,news.*,news.sport,goal')
  })

  it('keeps the lines of a message in one event', async () => {
    const chat = await open('/subscribe/chat')
    await chat.next()
    await publish('chat', 'one\ntwo\n\nfour')
    expect(await chat.next()).toBe('data: message,chat,one\ndata: two\ndata: \ndata: four')
  })

  it('a subscription loses and reorders nothing, and counts its bytes', async () => {
    const chat = await open('/subscribe/chat')
    await chat.next()
    redis.upstash.resetCounters()
    const messages = Array.from({ length: 500 }, (_, index) => `message ${index}`)
    await rest(redis, '/pipeline', { body: messages.map((message) => ['PUBLISH', 'chat', message]) })
    for (const message of messages) expect(await chat.next()).toBe(`data: message,chat,${message}`)
    expect(redis.upstash.counters.bytesOut).toBeGreaterThan(500 * 'data: message,chat,message 0'.length)
  })

  it('a subscription has a connection of its own, which ends with it', async () => {
    const subscribers = () => command('PUBSUB', 'NUMSUB', 'chat')
    const streams = await Promise.all([open('/subscribe/chat'), open('/subscribe/chat')])
    await expect(subscribers()).resolves.toEqual(['chat', 2])
    streams[0].abort()
    await expect.poll(() => subscribers()).toEqual(['chat', 1])
    await publish('chat', 'still here')
    await streams[1].next()
    expect(await streams[1].next()).toBe('data: message,chat,still here')
    streams[1].abort()
    await expect.poll(() => subscribers()).toEqual(['chat', 0])
  })

  it('a subscription ends with the server', async () => {
    const server = await startUpstashServer({ redisUrl: redis.engine.url, token: redis.token })
    const chat = await open('/subscribe/chat', server)
    await chat.next()
    const ended = chat.next().catch(() => undefined)
    await server.close()
    await expect(ended).resolves.toBeUndefined()
    await expect.poll(() => command('PUBSUB', 'NUMSUB', 'chat')).toEqual(['chat', 0])
  })

  it('a subscription ends with the server even when a fault kept it from its client', async () => {
    const server = await startUpstashServer({ redisUrl: redis.engine.url, token: redis.token })
    await server.faults.set({ kind: 'lost-reply' })
    await expect(open('/subscribe/chat', server)).rejects.toThrow(/fetch failed/)
    await expect(command('PUBSUB', 'NUMSUB', 'chat')).resolves.toEqual(['chat', 1])
    await server.close()
    await expect.poll(() => command('PUBSUB', 'NUMSUB', 'chat')).toEqual(['chat', 0])
  })

  it('a subscription ends with the engine, and is answered 503 until it is back', async () => {
    const chat = await open('/subscribe/chat')
    await chat.next()
    await redis.killEngine()
    await expect(chat.next()).resolves.toBeUndefined()
    await expect(rest(redis, '/subscribe/chat')).resolves.toMatchObject({ status: 503 })
    await redis.reviveEngine()
    expect(await (await open('/subscribe/chat')).next()).toBe('data: subscribe,chat,1')
  })

  it.each(['HEAD', 'PUT'])('refuses a subscription by %s', async (method) => {
    const { status, headers } = await rest(redis, '/subscribe/chat', { method })
    expect(status).toBe(405)
    expect(headers.get('allow')).toBe('GET, POST')
  })

  it('a subscription needs a channel', async () => {
    await expect(rest(redis, '/subscribe')).resolves.toMatchObject({ status: 400 })
    await expect(rest(redis, '/psubscribe/')).resolves.toMatchObject({ status: 400 })
  })
})

describe('/monitor', () => {
  it('/monitor sends every command that the engine runs', async () => {
    const monitor = await open('/monitor')
    expect(await monitor.next()).toBe('data: "OK"')
    await command('SET', 'k', 'a "b"')
    const line = /^data: \d+\.\d+ \[0 [^\]]+\] "(SET|set)" "k" "a \\"b\\""$/
    expect(await monitor.next()).toMatch(line)
  })
})

describe('subscriptions of the @upstash/redis client', () => {
  it('receive messages as they were published, parsed', async () => {
    const client = new Redis(redis)
    const chat = client.subscribe<unknown>(['chat', 'other'])
    const received: unknown[] = []
    const confirmed: unknown[] = []
    chat.on('subscribe', (count) => confirmed.push(count))
    chat.on('message', ({ channel, message }) => received.push([channel, message]))
    await expect.poll(() => confirmed).toEqual([1, 1])
    await expect(client.publish('chat', { n: 1 })).resolves.toBe(1)
    await client.publish('chat', 'text, with commas')
    await expect
      .poll(() => received)
      .toEqual([
        ['chat', { n: 1 }],
        ['chat', 'text, with commas'],
      ])
    expect(chat.getSubscribedChannels()).toEqual(['chat', 'other'])
    await chat.unsubscribe()
    await expect.poll(() => command('PUBSUB', 'NUMSUB', 'chat', 'other')).toEqual(['chat', 0, 'other', 0])
  })

  it('receive messages by pattern', async () => {
    const client = new Redis(redis)
    const users = client.psubscribe<unknown>('user:*')
    const received: unknown[] = []
    users.on('pmessage', (message) => received.push(message))
    await expect.poll(() => command('PUBSUB', 'NUMPAT')).toBe(1)
    await client.publish('user:7', { online: true })
    await expect
      .poll(() => received)
      .toEqual([{ pattern: 'user:*', channel: 'user:7', message: { online: true } }])
    await users.unsubscribe()
  })
})
