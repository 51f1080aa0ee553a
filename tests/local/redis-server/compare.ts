import { type RestResult, rest } from '@/tests/support/testRedis'
import { refusalOf } from './knownDifferences'
import type { RandomRequest, Words } from './randomRequests'

type Entry = { result?: unknown; error?: string }

/** A server under comparison. */
export interface Address {
  readonly url: string
  readonly token: string
}

const UNORDERED = new Set(['SMEMBERS', 'KEYS'])
const PAIRED = new Set(['HGETALL'])

const inOrder = (items: readonly unknown[]): unknown[] =>
  [...items].sort((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)))

const inPairs = (items: readonly unknown[]): unknown[] =>
  items.flatMap((item, index) => (index % 2 === 0 ? [[item, items[index + 1]]] : []))

/** Time goes on between the two servers, so what is left of a time that lasts is told in tens of minutes. */
function coarse(left: unknown, unit: number): unknown {
  return typeof left === 'number' && left > 0 ? Math.round(left / (600 * unit)) : left
}

function comparable([word]: Words, entry: Entry): Entry {
  const name = String(word).toUpperCase()
  const { result, error } = entry
  if (error !== undefined) return { error: refusalOf(name, error) }
  if (name === 'TTL') return { ...entry, result: coarse(result, 1) }
  if (name === 'PTTL') return { ...entry, result: coarse(result, 1_000) }
  if (!Array.isArray(result)) return entry
  if (UNORDERED.has(name)) return { result: inOrder(result) }
  if (PAIRED.has(name)) return { result: inOrder(inPairs(result)) }
  if (name === 'SCAN' && Array.isArray(result[1])) return { result: [result[0], inOrder(result[1])] }
  return entry
}

/** What a server answers, without what may differ from run to run. */
export async function answerOf(server: Address, { path, commands }: RandomRequest): Promise<unknown> {
  const body = path === '/' ? commands[0] : commands
  const { status, body: answer }: RestResult = await rest(server, path, { body })
  if (!Array.isArray(answer)) return { status, answer: comparable(commands[0] ?? [], answer as Entry) }
  return { status, answer: answer.map((entry: Entry, index) => comparable(commands[index] ?? [], entry)) }
}
