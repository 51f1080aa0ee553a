/**
 * Walks all keys of a pattern by SCAN, a chunk at a time: for administration, too slow for a request.
 */

import { hasCode } from '../../../../shared/errors'
import { ownGuard } from '../../entry/versionTokens'
import { type Batch, createBatch, type RawReply, type Send } from '../pipeline'
import type { Transport } from '../transport/transport'
import type { KeySpace } from './keySpace'
import { scan } from './scan'
import type { MemoryUsage, PatternCommands } from './wire'

/** How much SCAN looks at for each key that a chunk shall hold. */
const SCAN_EFFORT = 10

/** What is invalidated with keys that are removed. */
export interface RemovedFields {
  /** The process forgets everything that it has in memory. */
  forgetAll(): void
  /** New tokens for these keys of fields; answers how many entries stood there, which are removed. */
  rotate(keys: readonly string[]): Promise<number>
}

export function createPatternCommands(
  send: Send,
  transport: Transport,
  keys: KeySpace,
  batchSize: number,
  fields: RemovedFields,
): PatternCommands {
  /** Physical keys in chunks of at most `batchSize`, each key once. */
  const chunks = (glob: string) => chunksOf(keys.pattern(glob))

  async function* chunksOf(pattern: string): AsyncGenerator<string[]> {
    const seen = new Set<string>()
    let pending: string[] = []
    for await (const found of scan(send, pattern, batchSize * SCAN_EFFORT)) {
      const fresh = found.filter((name) => !seen.has(name))
      for (const name of fresh) seen.add(name)
      pending.push(...fresh)
      while (pending.length >= batchSize) {
        yield pending.slice(0, batchSize)
        pending = pending.slice(batchSize)
      }
    }
    if (pending.length > 0) yield pending
  }

  /** One command for each name, in one request; an error for a name is passed to `recover`. */
  async function each<T>(
    names: string[],
    ask: (batch: Batch, name: string) => Promise<T>,
    recover: (error: unknown) => T,
  ): Promise<T[]> {
    const batch = createBatch(transport)
    const answers = Promise.all(names.map((name) => ask(batch, name).catch(recover)))
    await Promise.all([answers, batch.flush()])
    return answers
  }

  async function parseMemoryUsage(names: string[]): Promise<Omit<MemoryUsage, 'keys'>> {
    let refused = false
    const exact = await each(
      names,
      async (batch, name) => Number((await batch.send('MEMORY', 'USAGE', name)) ?? 0),
      (error) => {
        if (!hasCode(error, 'REDIS_COMMAND_FAILED')) throw error
        refused = true
        return 0
      },
    )
    if (!refused) return { bytes: sum(exact), estimated: false }
    const types = await each(names, (batch, name) => batch.send('TYPE', name), raise)
    const typed = names.map((name, index) => ({ name, type: String(types[index]) }))
    const contents = await Promise.all(
      [...CONTENT_COMMANDS].map(async ([type, command]) => {
        const ofType = typed.filter((item) => item.type === type).map(({ name }) => name)
        return sum(
          await each(ofType, async (batch, name) => byteLength(await batch.send(...command(name))), raise),
        )
      }),
    )
    return { bytes: sum(contents) + sum(names.map(byteLength)), estimated: true }
  }

  return {
    keysByPattern: async (glob: string): Promise<string[]> => {
      const found: string[] = []
      for await (const names of chunks(glob)) found.push(...names.map(keys.logical))
      return found.sort()
    },
    countByPattern: async (glob: string): Promise<number> => {
      let total = 0
      for await (const names of chunks(glob)) total += names.length
      return total
    },
    /**
     * How many keys were removed. Fields are found by their tokens: their values may be in memory alone, or kept aside.
     */
    deleteByPattern: async (glob: string): Promise<number> => {
      // Throws for what is no pattern, before anything is forgotten.
      keys.pattern(glob)
      fields.forgetAll()
      let removed = 0
      const rotated = new Set<string>()
      for await (const names of chunksOf(keys.internalPattern('token', ownGuard(glob)))) {
        const found = names.map((name) => keys.internalLogical('token', name).slice(ownGuard('').length))
        removed += await fields.rotate(found)
        for (const key of found) rotated.add(keys.physical(key))
      }
      for await (const names of chunks(glob)) {
        const others = names.filter((name) => !rotated.has(name))
        if (others.length > 0) removed += Number(await send('UNLINK', ...others))
      }
      // What was asked for before and came meanwhile.
      fields.forgetAll()
      return removed
    },
    memoryUsageByPattern: async (glob: string): Promise<MemoryUsage> => {
      const usage: MemoryUsage = { keys: 0, bytes: 0, estimated: false }
      for await (const names of chunks(glob)) {
        const { bytes, estimated } = await parseMemoryUsage(names)
        usage.keys += names.length
        usage.bytes += bytes
        usage.estimated ||= estimated
      }
      return usage
    },
  }
}

type Command = [command: string, ...args: (string | number)[]]

const CONTENT_COMMANDS = new Map<string, (name: string) => Command>([
  ['string', (name) => ['STRLEN', name]],
  ['hash', (name) => ['HGETALL', name]],
  ['list', (name) => ['LRANGE', name, 0, -1]],
  ['set', (name) => ['SMEMBERS', name]],
  ['zset', (name) => ['ZRANGE', name, 0, -1, 'WITHSCORES']],
])

/** A number is a length already; all else is measured. */
function byteLength(reply: RawReply): number {
  if (typeof reply === 'number') return reply
  if (Array.isArray(reply)) return sum(reply.map(byteLength))
  return reply === null ? 0 : new TextEncoder().encode(reply).byteLength
}

function raise(error: unknown): never {
  throw error
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
