import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCipherFor } from '@/lib/core-services/cache/entry/encryption'
import { decodeEntry, encodeEntry, unpackEntry } from '@/lib/core-services/cache/entry/entry'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { keyProblem } from '@/lib/core-services/cache/redis/commands/keySpace'
import { defaultPorts } from '@/lib/shared/ports'
import { type Command, createMemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { numberOfRuns } from '../kit/simulation/runs'
import { createRuntime } from './world/shippedCache'

const RUNS = numberOfRuns(5_000)
const TIMEOUT_MS = 300_000

/** Half of a character, too: JSON writes one as an escape, so neither encryption nor compression spoils it. */
const anyUnit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit))

/** Two processes over one Redis, without any delay. */
function twoProcesses() {
  const redis = createMemoryRedis(Date.now)
  const sendTogether = async (commands: readonly Command[]) =>
    commands.map((command) => redis.execute(command))
  const connection = { sendTogether, send: async (...command: Command) => redis.execute(command) }
  const start = () => createRuntime({ connection, ports: defaultPorts, goesUncached: () => undefined })
  return [start(), start()] as const
}

const valueField = (value: unknown): FieldCacheConfig<unknown> => ({
  name: 'value',
  key: 'value',
  ttl: 60,
  fetcher: async () => value,
})

describe('I6', () => {
  it(
    'a value comes back as JSON has it, to the process that fetched it and to those that find it, null included',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(fc.jsonValue(), fc.jsonValue({ stringUnit: 'binary' }), fc.string({ unit: anyUnit })),
          async (value) => {
            const [here, there] = twoProcesses()
            const miss = await readFieldCache(valueField(value), 'never', here)
            const hit = await readFieldCache(valueField('unused'), 'never', there)
            expect([miss.status, hit.status]).toEqual(['miss', 'hit'])
            expect(JSON.stringify([miss.data, hit.data])).toBe(JSON.stringify([value, value]))
          },
        ),
        { numRuns: RUNS },
      )
    },
    TIMEOUT_MS,
  )

  it('undefined is not null: it is refused, and nothing is stored', async () => {
    const [here, there] = twoProcesses()
    await expect(readFieldCache(valueField(undefined), 'never', here)).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    })
    await expect(readFieldCache(valueField(1), 'always', there)).resolves.toMatchObject({ data: 1 })
  })

  it(
    'an entry is decoded to what was encoded, whatever its tokens and its text, encrypted or not',
    async () => {
      const cipher = createCipherFor([new Uint8Array(32)], 'sim')({ name: 'value', key: 'value' })
      const text = fc.string({ unit: anyUnit, maxLength: 2_000 })
      const guard = text.filter((name) => keyProblem(name) === undefined)
      const entry = fc.record({
        body: fc.oneof(fc.jsonValue(), text).map((value) => JSON.stringify(value)),
        fetchedAt: fc.nat(2 ** 45),
        revision: text,
        tokens: fc.dictionary(guard, text),
        note: fc.option(text, { nil: undefined }),
      })
      await fc.assert(
        fc.asyncProperty(entry, async (one) => {
          expect(decodeEntry(await encodeEntry(one, true))).toEqual(one)
          const decoded = decodeEntry(await encodeEntry(one, true, cipher))
          expect(decoded && (await unpackEntry(decoded, cipher))).toEqual(one)
        }),
        { numRuns: RUNS },
      )
    },
    TIMEOUT_MS,
  )
})
