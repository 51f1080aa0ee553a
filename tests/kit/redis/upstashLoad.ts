import { setImmediate as nextTurn } from 'node:timers/promises'
import { type EngineKind, startEngine } from '../../../local/engine'
import { startUpstashServer, type UpstashServer } from '../../../local/upstash/server'
import { rest } from './testRedis'

const WARM_UP_ROUNDS = 4
const ROUNDS = 12
const REQUESTS = 500
const SCRIPT = '#!lua flags=allow-key-locking\nreturn redis.call("GET", KEYS[1])'

/** One subscription from its confirmation to the moment the client hangs up. */
async function subscribe({ url, token }: UpstashServer): Promise<void> {
  const abort = new AbortController()
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/subscribe/chat`, { headers, signal: abort.signal })
  await response.body?.getReader().read()
  abort.abort()
}

/** What a client does with a server, in turns: things that succeed, are refused, are cut off, and go on for a while. */
function request(server: UpstashServer, index: number): Promise<unknown> {
  const key = `key:${index}`
  const script = ['EVAL', SCRIPT, 1, key]
  if (index % 40 === 39) return subscribe(server)
  const turns = [
    () => rest(server, '/', { body: ['SET', key, 'v'.repeat(2_000), 'EX', 1_000] }),
    () => rest(server, `/get/${key}`, { headers: { 'upstash-encoding': 'base64' } }),
    () => rest(server, '/pipeline', { body: [['GET', key], ['NOSUCH'], ['MGET', 'a', 'b']] }),
    () => rest(server, '/multi-exec', { body: [['INCR', 'n'], script] }),
    () => rest(server, '/multi-exec', { body: [['GET'], ['SET', 'never', 1]] }),
    () => rest(server, '/', { body: 'nonsense' }),
    () => rest(server, '/', { body: ['GET', 'cut off'] }).catch(() => undefined),
    () => rest(server, '/ping', { headers: { authorization: '' } }),
  ]
  return turns[index % turns.length]?.() ?? Promise.resolve()
}

/** Bytes in use once everything that has ended is really gone. */
async function heapInUse(): Promise<number> {
  for (let turn = 0; turn < 20; turn += 1) {
    await nextTurn()
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}

/**
 * The bytes of heap in use after some rounds of a load and after many more of the same, in this process, which needs
 * --expose-gc and should do nothing else.
 */
export async function heapUnderLoad(kind: EngineKind): Promise<{ before: number; after: number }> {
  const engine = await startEngine({ kind })
  const server = await startUpstashServer({ redisUrl: engine.url, token: 'token' })
  await server.faults.set({ kind: 'reset', match: 'cut off' })
  const load = async (rounds: number): Promise<number> => {
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(Array.from({ length: REQUESTS }, (_, index) => request(server, index)))
    }
    return heapInUse()
  }
  const before = await load(WARM_UP_ROUNDS)
  const after = await load(ROUNDS)
  await server.close()
  await engine.stop()
  return { before, after }
}
