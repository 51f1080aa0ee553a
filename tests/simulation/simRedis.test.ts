import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createFieldStore, type FieldStore } from '@/lib/core-services/cache/engine/fieldStore'
import { createKeySpace } from '@/lib/core-services/cache/engine/keys'
import { defaultPorts } from '@/lib/core-services/cache/engine/ports'
import { cacheFor, settings } from '../support/cache'
import { redisForThisFile } from '../support/redisSuite'
import { settled } from './world/cacheUnderTest'
import { type Command, SimRedis } from './world/simRedis'

const redis = redisForThisFile()

type Call = (store: FieldStore) => Promise<unknown>

function simulatedStore(): FieldStore {
  const simulated = new SimRedis(() => 0)
  const keys = createKeySpace({
    prefix: settings.keyPrefix,
    version: settings.keyVersion,
    maxLength: settings.maxKeyLength,
  })
  return createFieldStore(
    async (...command) => simulated.execute(command),
    settled(async (commands: readonly Command[]) => commands.map((command) => simulated.execute(command))),
    100,
    keys,
    defaultPorts,
  )
}

/** Few names and few tokens, so that calls meet. */
const entry = fc.constantFrom('e0', 'e1')
const guard = fc.constantFrom('g0', 'g1', 'g2')
const token = fc.constantFrom('t0', 't1', 't2')
const text = fc.constantFrom('old', 'new')
const ttl = fc.constantFrom<number | 'forever'>(60, 'forever')
const guarded = fc.uniqueArray(fc.tuple(guard, token), {
  minLength: 1,
  maxLength: 2,
  selector: ([name]) => name,
})
const lease = fc.record({
  flight: fc.constantFrom('f0', 'f1'),
  holder: token,
  milliseconds: fc.constant(60_000),
})

const named = (store: FieldStore, pairs: readonly [string, string][]) =>
  pairs.map(([name, value]) => [store.names.guard(name), value] as const)
const leaseIn = (
  store: FieldStore,
  { flight, ...rest }: { flight: string; holder: string; milliseconds: number },
) => ({
  name: store.names.lease('key', flight),
  ...rest,
})

const call = fc.oneof<fc.Arbitrary<Call>[]>(
  fc.tuple(entry, text, ttl).map(
    ([e, t, s]) =>
      (store) =>
        store.write(store.names.entry(e), t, s),
  ),
  fc.tuple(entry).map(
    ([e]) =>
      (store) =>
        store.remove(store.names.entry(e)),
  ),
  guarded.map((pairs) => (store) => store.writeTokens(written(store, pairs))),
  fc.tuple(guarded, fc.option(lease, { nil: undefined })).map(
    ([pairs, l]) =>
      (store) =>
        store.createTokens(written(store, pairs), l && leaseIn(store, l)),
  ),
  guarded.map((pairs) => (store) => createdAndRead(store, pairs)),
  lease.map((l) => (store) => store.takeLease(leaseIn(store, l))),
  lease.map((l) => (store) => store.failLease(leaseIn(store, l).name, 'failed', l.milliseconds)),
  fc.record({ entry, text, ttl, expected: guarded, own: token, seconds: fc.constantFrom(60, undefined) }).map(
    ({ expected, seconds, ...write }) =>
      (store) =>
        store.writeForced({
          ...write,
          entry: store.names.entry(write.entry),
          expected: named(store, expected),
          own: { token: write.own, seconds },
        }),
  ),
)

/** The token of one of the guards expires, as those of members of families do. */
const written = (store: FieldStore, pairs: readonly [string, string][]) =>
  pairs.map(([name, value]) => ({
    name: store.names.guard(name),
    token: value,
    seconds: name === 'g2' ? 60 : undefined,
  }))

async function createdAndRead(store: FieldStore, pairs: readonly [string, string][]): Promise<unknown> {
  const names = named(store, pairs).map(([name]) => name)
  const lasting = named(store, pairs).map(([name, value]) => ({ name, token: value }))
  const snapshot = await store.createAndRead(lasting, names)
  return names.map(snapshot.get)
}

async function everythingIn(store: FieldStore): Promise<unknown> {
  const names = [
    ...['e0', 'e1'].map(store.names.entry),
    ...['g0', 'g1', 'g2'].map(store.names.guard),
    ...['f0', 'f1'].map((flight) => store.names.lease('key', flight)),
  ]
  const snapshot = await store.read(names)
  return names.map(snapshot.get)
}

it('the simulated Redis answers and holds the same as a real one, scripts included', async () => {
  const { cache } = cacheFor(redis)
  await cache.initialize()
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
      await redis.flush()
      const simulated = simulatedStore()
      for (const one of calls) {
        expect(await one(simulated)).toEqual(await one(cache.fieldStore))
        expect(await everythingIn(simulated)).toEqual(await everythingIn(cache.fieldStore))
      }
    }),
    { numRuns: 150 },
  )
}, 60_000)
