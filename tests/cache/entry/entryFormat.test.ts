import { randomBytes } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { decodeEntry, encodeEntry, unpackEntry } from '@/lib/core-services/cache/entry/entry'
import { field } from '../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../kit/fields/fieldServers'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read } = servers

const people = Array.from({ length: 200 }, (_, index) => ({ id: index, name: `Person ${index}` }))
const json = JSON.stringify(people)

async function storedText(): Promise<string> {
  const store = await servers.here.runtime.store()
  const name = store.names.entry('agents_list')
  return (await store.read([name])).get(name) ?? ''
}

/** Changes what Redis holds of a field that was read once, as another release might have written it. */
async function leave(change: (text: string) => string): Promise<void> {
  const store = await servers.here.runtime.store()
  await store.write(store.names.entry('agents_list'), change(await storedText()), 60)
}

describe('compression', () => {
  it('a value of some KB is compressed, and read back unchanged', async () => {
    const config = field(async () => people)
    await read(config)
    expect((await storedText()).length).toBeLessThan(json.length / 4)
    expect(await read(config, servers.there)).toMatchObject({ data: people, status: 'hit' })
  })

  it.each([
    ['that is small', 'Ana', {}],
    ['that would not shrink', randomBytes(4_000).toString('base64'), {}],
    ['of a field that does not want it', 'x'.repeat(10_000), { advanced: { compression: false } }],
  ])('a value is stored uncompressed %s', async (_, value, rest) => {
    await read(field(async () => value, rest))
    expect((await storedText()).endsWith(`\n${JSON.stringify(value)}`)).toBe(true)
  })

  it('a compressed value keeps every character', async () => {
    const text = 'äß漢字🙂\n"\\\u2028 '.repeat(500)
    const config = field(async () => text)
    await read(config)
    expect((await read(config, servers.there)).data).toBe(text)
  })
})

/** Texts as users' databases hold them: a change of the written format must still read these. */
const TODAY = {
  plain:
    'fc2 {"at":1767225600000,"rev":"r1","tok":{"key:agents_list":"t1","tag:people":"t2"}}\n[{"id":"rec1","name":"Ana"}]',
  withDependencies:
    'fc2 {"at":1767225600000,"rev":"r1","tok":{"key:page":"t1","tag:product:1":"t2"},"dep":["tag:product:1"],"fresh":500,"end":1000}\n[1]',
  packed:
    'fc2 {"at":1767225600000,"rev":"r1","tok":{"key:agents_list":"t1"},"enc":"br"}\nG2EJAAQmcqQttv5S5LUAWgQA2A4B',
}

describe('what is stored today stays readable', () => {
  it("a plain entry of today's format stays readable", () => {
    expect(decodeEntry(TODAY.plain)).toMatchObject({
      fetchedAt: 1_767_225_600_000,
      revision: 'r1',
      tokens: { 'key:agents_list': 't1', 'tag:people': 't2' },
      body: '[{"id":"rec1","name":"Ana"}]',
    })
  })

  it("an entry of today's format with dependencies and an end of its own stays readable", () => {
    expect(decodeEntry(TODAY.withDependencies)).toMatchObject({
      dependencies: ['tag:product:1'],
      freshMs: 500,
      endMs: 1_000,
      body: '[1]',
    })
  })

  it("a compressed entry of today's format stays readable", async () => {
    const entry = decodeEntry(TODAY.packed)
    expect(entry && (await unpackEntry(entry))).toMatchObject({ body: JSON.stringify('abc '.repeat(600)) })
  })

  it("entries are written in today's format: a change needs another format mark", async () => {
    for (const text of [TODAY.plain, TODAY.withDependencies]) {
      const entry = decodeEntry(text)
      expect(entry && (await encodeEntry(entry, true))).toBe(text)
    }
  })
})

describe('what cannot be read', () => {
  const written: [string, (text: string) => string][] = [
    ['in a format of the future', (text) => text.replace('fc2 ', 'fc3 ')],
    ['in a format of the past', (text) => text.replace('fc2 ', 'fc1 ')],
    ['in an unknown encoding', (text) => text.replace('"tok"', '"enc":"zstd","tok"')],
    ['with an end that is no number', (text) => text.replace('"tok"', '"end":null,"tok"')],
    ['with dependencies of another shape', (text) => text.replace('"tok"', '"dep":{},"tok"')],
  ]
  const spoilt: [string, (text: string) => string][] = [
    ['a packed value that was cut off', (text) => text.replace('"tok"', '"enc":"br","tok"')],
    ['a text of another program', () => 'something else'],
  ]

  it.each([...written, ...spoilt])(
    'an unreadable entry is a miss once, and no reader waits for it: %s',
    async (_, change) => {
      const fetcher = vi.fn(async () => 'good')
      const config = field(fetcher)
      await read(config)
      await leave(change)
      expect(await read(config, servers.there)).toMatchObject({ data: 'good', status: 'miss' })
      expect(await read(config, servers.there)).toMatchObject({ data: 'good', status: 'hit' })
      expect(fetcher).toHaveBeenCalledTimes(2)
      expect(servers.there.events.of('lease.held')).toEqual([])
    },
  )

  it.each(written)('an entry of another release is not overwritten: %s', async (_, change) => {
    const config = field(async () => 'good')
    await read(config)
    await leave(change)
    const theirs = await storedText()
    const other = await servers.start()
    for (const server of [servers.there, other]) await read(config, server)
    expect(await storedText()).toBe(theirs)
    expect((await read(config, other)).status).toBe('hit')
  })

  it.each(spoilt)('a broken entry is overwritten: %s', async (_, change) => {
    const config = field(async () => 'good')
    await read(config)
    await leave(change)
    await read(config, servers.there)
    expect(decodeEntry(await storedText())).toMatchObject({ body: '"good"' })
  })
})
