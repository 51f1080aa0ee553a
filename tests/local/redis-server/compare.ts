import { type RestResult, rest } from '@/tests/kit/redis/testRedis'
import { getRefusal } from './knownDifferences'
import type { RandomRequest, Words } from './randomRequests'

type Entry = { readonly result?: unknown; readonly error?: string }
type Address = Parameters<typeof rest>[0]

function sorted(items: readonly unknown[]): unknown[] {
  return items.map((item) => JSON.stringify(item)).sort()
}

function inPairs(items: readonly unknown[]): unknown[] {
  return items.flatMap((item, index) => (index % 2 === 0 ? [[item, items[index + 1]]] : []))
}

/** Time passes between the two servers, so long remaining times are rounded to minutes. */
function coarse(left: unknown, unit: number): unknown {
  return typeof left === 'number' && left > 0 ? Math.ceil(left / (60 * unit)) : left
}

/** A reply without what may differ from engine to engine: the order of what has none, and the passing of time. */
function comparable([word = '']: Words, { result, error }: Entry): Entry {
  const name = String(word).toUpperCase()
  if (error !== undefined) return { error: getRefusal(name, error) }
  if (name === 'TTL' || name === 'PTTL') return { result: coarse(result, name === 'TTL' ? 1 : 1_000) }
  // See ./knownDifferences.
  if (name === 'EVAL' && typeof result === 'number') return { result: Math.abs(result) }
  if (!Array.isArray(result)) return { result }
  if (name === 'SMEMBERS') return { result: sorted(result) }
  if (name === 'HGETALL') return { result: sorted(inPairs(result)) }
  return { result: name === 'SCAN' ? [result[0], sorted(result[1])] : result }
}

export function send(server: Address, { path, commands }: RandomRequest): Promise<RestResult> {
  return rest(server, path, { body: path === '/' ? commands[0] : commands })
}

/** What a server answers, for comparison with another one. */
export async function fetchAnswer(server: Address, request: RandomRequest): Promise<unknown> {
  const { status, body } = await send(server, request)
  const entries = (Array.isArray(body) ? body : [body]) as Entry[]
  const replies = entries.map((entry, index) => comparable(request.commands[index] ?? [], entry))
  return { status, batch: Array.isArray(body), replies }
}
