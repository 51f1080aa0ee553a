import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { beforeEach, describe, expect, it } from 'vitest'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest, testEngineKind } from '../../kit/redis/testRedis'
import { heapUnderLoad } from '../../kit/redis/upstashLoad'

const redis = redisForThisFile()
beforeEach(() => redis.flush())

const ACCOUNTS = Array.from({ length: 8 }, (_, index) => `account:${index}`)
const MONEY = 1_000 * ACCOUNTS.length
const CONCURRENT = 500

type Entries = readonly { readonly result?: unknown; readonly error?: string }[]

const sum = (reply: unknown): number =>
  (reply as string[]).reduce((total, amount) => total + Number(amount), 0)
const readAll = ['MGET', ...ACCOUNTS]

/** Moves money from one account to another, in two commands between which it is nowhere. */
async function transfer(index: number): Promise<void> {
  const [from, to] = [ACCOUNTS[index % 8], ACCOUNTS[(index * 3 + 1) % 8]]
  const amount = 1 + (index % 7)
  const body = [readAll, ['DECRBY', from, amount], ['ECHO', index], ['INCRBY', to, amount], readAll]
  const answer = await rest(redis, '/multi-exec', { body })
  const [before, , echo, , after] = answer.body as Entries
  expect(echo).toEqual({ result: String(index) })
  expect([sum(before?.result), sum(after?.result)]).toEqual([MONEY, MONEY])
}

/** Writes and reads what no other request writes, with a mistake in the middle, and counts the money meanwhile. */
async function pipeline(index: number): Promise<void> {
  const [own, token] = [`own:${index}`, `token ${index}`]
  const body = [['SET', own, token], readAll, ['LPUSH', own, 'x'], ['ECHO', token], ['GETDEL', own], readAll]
  const answer = await rest(redis, '/pipeline', { body })
  const [set, before, wrong, echo, read, after] = answer.body as Entries
  expect([set, echo, read]).toEqual([{ result: 'OK' }, { result: token }, { result: token }])
  expect(wrong?.error).toMatch(/^WRONGTYPE/)
  expect([sum(before?.result), sum(after?.result)]).toEqual([MONEY, MONEY])
}

describe('a thousand concurrent requests', () => {
  it('concurrent requests get their own replies, and none sees half a transaction', async () => {
    await rest(redis, '/', { body: ['MSET', ...ACCOUNTS.flatMap((name) => [name, 1_000])] })
    redis.upstash.resetCounters()
    const indexes = Array.from({ length: CONCURRENT }, (_, index) => index)
    await Promise.all(indexes.flatMap((index) => [transfer(index), pipeline(index)]))
    const { body } = await rest(redis, '/', { body: readAll })
    expect(sum((body as { result: unknown }).result)).toBe(MONEY)
    expect(redis.upstash.counters).toMatchObject({
      requests: 2 * CONCURRENT + 1,
      byCommand: { MGET: 4 * CONCURRENT + 1, DECRBY: CONCURRENT, INCRBY: CONCURRENT, ECHO: 2 * CONCURRENT },
    })
  }, 60_000)
})

describe('memory', () => {
  it('does not grow under the same load again and again', async () => {
    const script = `import { ${heapUnderLoad.name} } from './tests/kit/redis/upstashLoad.ts'
      process.stdout.write(JSON.stringify(await ${heapUnderLoad.name}('${testEngineKind()}')))`
    const flags = ['--expose-gc', '--import', 'tsx', '--input-type=module', '-e', script]
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
    const output: string[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
    await expect(once(child, 'close')).resolves.toEqual([0, null])
    const { before, after } = JSON.parse(output.join('')) as Awaited<ReturnType<typeof heapUnderLoad>>
    // A kilobyte left behind by each request would be six megabytes.
    expect(after - before).toBeLessThan(2_500_000)
  }, 120_000)
})
