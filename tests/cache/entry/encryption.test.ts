import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createCipherFor } from '@/lib/core-services/cache/entry/encryption'
import { decodeEntry, type Entry, encodeEntry, unpackEntry } from '@/lib/core-services/cache/entry/entry'
import { sendOnce } from '@/local/engine/sendOnce'
import { type FieldProcess, field } from '../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../kit/fields/fieldServers'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read } = servers

const newKey = () => new Uint8Array(randomBytes(32))
const [key, otherKey] = [newKey(), newKey()]

const secret = { name: 'Ana Canary-Vidal', phone: '+34 600 000 001' }
const people = Array.from({ length: 200 }, (_, id) => ({ id, ...secret }))
const encrypted = <T>(fetcher: () => Promise<T>, rest = {}) =>
  field(fetcher, { ...rest, advanced: { encrypt: true } })

let [here, there] = [] as unknown as [FieldProcess, FieldProcess]
beforeEach(async () => {
  here = await servers.start({ encryptionKeys: [key] })
  there = await servers.start({ encryptionKeys: [key] })
})

async function storedText(name = 'agents_list'): Promise<string> {
  const { names, read: readNames } = await here.runtime.store()
  return (await readNames([names.entry(name)])).get(names.entry(name)) ?? ''
}

async function leave(text: string): Promise<void> {
  const store = await here.runtime.store()
  await store.write(store.names.entry('agents_list'), text, 60)
}

/** Every name and every text that Redis holds. */
async function everythingInRedis(): Promise<string> {
  const names = (await sendOnce(redis.engine.url, ['KEYS', '*'])) as string[]
  const texts = await Promise.all(names.map((name) => sendOnce(redis.engine.url, ['GET', name])))
  return [...names, ...texts].join('\n')
}

/** Base64 of a text differs by where it begins: the part that each of the three places has in common with all others. */
const base64Forms = (text: string) =>
  [0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + text)
      .toString('base64')
      .slice(4, -4),
  )

describe('what stands in Redis', () => {
  it.each([
    ['a small value', secret, {}],
    ['a large one', people, {}],
    ['a large one that is not compressed', people, { compression: false }],
  ])('an encrypted value is unreadable in Redis: %s', async (_, value, advanced) => {
    await read(
      field(async () => value, { tags: ['people'], advanced: { ...advanced, encrypt: true } }),
      here,
    )
    const all = await everythingInRedis()
    expect(all).toContain('agents_list')
    for (const canary of ['Canary', secret.name, secret.phone]) expect(all).not.toContain(canary)
    for (const form of base64Forms(secret.name)) expect(all).not.toContain(form)
  })

  it('the search for plain text in Redis finds a value that is only encoded', async () => {
    await read(
      field(async () => [secret, Buffer.from(`..${secret.name}`).toString('base64')]),
      here,
    )
    const all = await everythingInRedis()
    expect(all).toContain('Canary')
    expect(base64Forms(secret.name).some((form) => all.includes(form))).toBe(true)
  })

  it('an encrypted entry names its key, and never has the same text twice', async () => {
    const config = encrypted(async () => secret)
    await read(config, here, 'always')
    const first = await storedText()
    await read(config, here, 'always')
    const second = await storedText()
    const [a, b] = [first, second].map((text) => decodeEntry(text)?.packing?.sealed)
    expect(a?.keyId).toBe(b?.keyId)
    expect(a?.nonce).not.toBe(b?.nonce)
    expect(first.split('\n')[1]).not.toBe(second.split('\n')[1])
  })

  it('the note of a fetcher is encrypted, and the next fetch reads it', async () => {
    const noted = vi.fn()
    const config = field<number>(
      async ({ keep, previous }) => {
        noted((await previous())?.note)
        keep({ note: `read up to\n${secret.name}` })
        return 1
      },
      { advanced: { encrypt: true } },
    )
    await read(config, here)
    expect(await everythingInRedis()).not.toContain('Canary')
    await read(config, there, 'always')
    expect(noted.mock.calls).toEqual([[undefined], [`read up to\n${secret.name}`]])
  })

  it('a value is compressed before it is encrypted', async () => {
    await read(
      encrypted(async () => people),
      here,
    )
    expect((await storedText()).length).toBeLessThan(JSON.stringify(people).length / 4)
  })
})

describe('whoever has the key', () => {
  it.each([
    ['a small value', secret],
    ['a large one', people],
    ['every character', 'äß漢字🙂\n"\\\u2028 '.repeat(500)],
    ['null', null],
  ])('another process with the key reads an encrypted value: %s', async (_, value) => {
    const config = encrypted(async () => value)
    await read(config, here)
    expect(await read(config, there)).toMatchObject({ data: value, status: 'hit' })
  })

  it('an encrypted field costs as many commands as a plain one', async () => {
    const costs = async (config: ReturnType<typeof encrypted>) => [
      await servers.costOf(() => read(config, here)),
      await servers.costOf(() => read(config, there)),
      await servers.costOf(() => read(config, here, 'always')),
    ]
    const plain = await costs(field(async () => secret))
    const sealed = await costs(encrypted(async () => secret, { name: 'sealed', key: 'sealed' }))
    const counts = (list: typeof plain) => list.map(({ commands, requests }) => ({ commands, requests }))
    expect(counts(sealed)).toEqual(counts(plain))
  })

  it('a process with an old and a new key reads old entries and writes with the new key', async () => {
    const fetcher = vi.fn(async () => secret)
    const config = encrypted(fetcher)
    await read(config, here)
    const rotated = await servers.start({ encryptionKeys: [otherKey, key] })
    expect((await read(config, rotated)).status).toBe('hit')
    await read(config, rotated, 'always')
    const onlyNew = await servers.start({ encryptionKeys: [otherKey] })
    expect((await read(config, onlyNew)).status).toBe('hit')
    expect(fetcher).toHaveBeenCalledTimes(2)
  })
})

describe('whoever has not', () => {
  it('a process without the key misses, stores its own entry aside, and does not overwrite the other', async () => {
    const fetcher = vi.fn(async () => secret)
    const config = encrypted(fetcher)
    await read(config, here)
    const theirs = await storedText()
    const stranger = await servers.start({ encryptionKeys: [otherKey] })
    expect((await read(config, stranger)).status).toBe('miss')
    expect((await read(config, stranger)).status).toBe('hit')
    expect(stranger.events.of('field.rejected')).toMatchObject([{ reason: expect.stringContaining('key') }])
    expect(await storedText()).toBe(theirs)
    expect((await read(config, there)).status).toBe('hit')
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  it('an encrypted field without a key stores nothing, says so once, and fetches', async () => {
    const fetcher = vi.fn(async () => secret)
    const config = encrypted(fetcher)
    for (const [server, status] of [
      [servers.here, 'miss'],
      [servers.there, 'miss'],
    ] as const) {
      expect(await read(config, server)).toMatchObject({ data: secret, status })
      await servers.finishDeferredWork()
      expect(server.events.of('refresh.skipped')).toMatchObject([{ why: 'no-key' }])
    }
    expect(fetcher).toHaveBeenCalledTimes(2)
    expect(servers.there.events.of('lease.held')).toEqual([])
    expect(await storedText()).toBe('')
    expect(await everythingInRedis()).not.toContain('Canary')
  })

  it('a force of an encrypted field without a key does not report a stored value', async () => {
    const config = encrypted(async () => secret)
    expect(await read(config, servers.here, 'always')).toMatchObject({ data: secret, status: 'miss' })
    expect(await storedText()).toBe('')
  })
})

describe('what may not be trusted', () => {
  const entry: Entry = {
    fetchedAt: 1_767_225_600_000,
    revision: 'r1',
    tokens: { 'key:agents_list': 't1' },
    dependencies: ['tag:product:1'],
    freshMs: 5,
    note: 'up to 7',
    body: JSON.stringify(secret),
  }
  const owner = { name: 'agents', key: 'agents_list' }
  const cipherFor = createCipherFor([key], 'test v1')

  async function opened(text: string, cipher = cipherFor(owner)): Promise<Entry | null> {
    const decoded = decodeEntry(text)
    // Tests with a whole process refuse unsealed entries, see below.
    return decoded?.packing?.sealed ? unpackEntry(decoded, cipher) : null
  }

  it.each([
    ['small', JSON.stringify(secret)],
    ['packed', JSON.stringify(people)],
  ])('an encrypted entry with any single character changed is refused (%s)', async (_, body) => {
    const text = await encodeEntry({ ...entry, body }, true, cipherFor(owner))
    expect(await opened(text)).toMatchObject({ ...entry, body })
    for (let position = 0; position < text.length; position += 1) {
      const code = text.charCodeAt(position)
      for (const other of [code ^ 1, code ^ 0x20]) {
        const altered = text.slice(0, position) + String.fromCharCode(other) + text.slice(position + 1)
        expect({ position, entry: await opened(altered) }).toEqual({ position, entry: null })
      }
    }
  })

  it.each([
    ['cut off', (text: string) => text.slice(0, -8)],
    ['continued', (text: string) => `${text}AAAA`],
    ['padded with what base64 reads over', (text: string) => `${text}\n`],
    ['without its body', (text: string) => `${text.split('\n')[0]}\n`],
    ['with a nonce of another length', (text: string) => text.replace(/"iv":"[^"]+"/, '"iv":"AAAA"')],
    ['with white space in its header', (text: string) => text.replace('"rev":', '"rev": ')],
  ])('an encrypted entry is refused when it is %s', async (_, change) => {
    const text = await encodeEntry(entry, true, cipherFor(owner))
    expect(change(text)).not.toBe(text)
    expect(await opened(change(text))).toBeNull()
  })

  it.each([
    ['another key', cipherFor({ ...owner, key: 'agents_list_2' })],
    ['another field', cipherFor({ ...owner, name: 'payroll' })],
    ['another environment', createCipherFor([key], 'production v1')(owner)],
    ['name and key cut elsewhere', cipherFor({ name: 'agent', key: 'sagents_list' })],
  ])('an encrypted entry is refused under another owner: %s', async (_, cipher) => {
    const text = await encodeEntry(entry, true, cipherFor(owner))
    expect(await opened(text)).not.toBeNull()
    expect(await opened(text, cipher)).toBeNull()
  })

  const attacks: [string, (text: string) => string][] = [
    ['altered', (text) => `${text.slice(0, -6)}AAAA==`],
    ['made younger', (text) => text.replace(/"at":\d+/, '"at":1')],
    ['written in plain text', (text) => `${withoutSeal(text)}\n{"name":"Mallory"}`],
    [
      'packed without encryption',
      (text) => `${withoutSeal(text, ',"enc":"br"')}\nG2EJAAQmcqQttv5S5LUAWgQA2A4B`,
    ],
  ]
  const withoutSeal = (text: string, enc = '') =>
    (text.split('\n')[0] ?? '').replace(/,"enc":.*}$/, `${enc}}`)

  it.each(attacks)('an encrypted entry that was %s is a miss, and is overwritten', async (_, change) => {
    const fetcher = vi.fn(async () => secret)
    const config = encrypted(fetcher)
    await read(config, here)
    const before = await storedText()
    expect(change(before)).not.toBe(before)
    await leave(change(before))
    expect(await read(config, there)).toMatchObject({ data: secret, status: 'miss' })
    const fresh = await servers.start({ encryptionKeys: [key] })
    expect(await read(config, fresh)).toMatchObject({ data: secret, status: 'hit' })
    expect(fetcher).toHaveBeenCalledTimes(2)
    expect(await storedText()).not.toContain('Mallory')
  })

  it('a forged entry is not served in place of a failing source', async () => {
    let failing = false
    const config = field(
      async () => {
        if (failing) throw new Error('down')
        return secret
      },
      { staleIfError: 600, advanced: { encrypt: true, serveInvalidatedOnError: true } },
    )
    await read(config, here)
    await leave(`${withoutSeal(await storedText())}\n{"name":"Mallory"}`)
    failing = true
    await expect(read(config, there)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })
})
