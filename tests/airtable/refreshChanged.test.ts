import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { refreshChanged } from '@/lib/core-services/airtable/changes/refreshChanged'
import { createWebhooksApi } from '@/lib/core-services/airtable/webhooksApi'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { AirtableServer } from '@/local/airtable/server'
import { airtableClient } from '../support/airtableClient'
import { readerOf } from '../support/airtableFields'
import { createHook, edit } from '../support/airtableHooks'
import { deferred } from '../support/deferred'
import { processForEachTest } from '../support/fieldProcess'
import { fivePeople, startFivePeople } from '../support/fivePeople'
import { redisForThisFile } from '../support/redisSuite'

const baseId = 'appTest0000000001'
const redis = redisForThisFile()
const server = processForEachTest(redis)
let airtable: AirtableServer
let webhookId: string

const source = vi.fn(async () => 'people')
const people = readerOf({ baseId, tableId: fivePeople.id }, 'people', source)
const byName = readerOf({ baseId, tableId: 'People' }, 'by-name', source)
const copies = readerOf({ baseId, tableId: 'tblCopy0000000001' }, 'copies', source)
const elsewhere = readerOf({ baseId: 'appElse', tableId: fivePeople.id }, 'elsewhere', source)
const fields = [people, byName, copies, elsewhere]

beforeEach(async () => {
  airtable = await startFivePeople()
  webhookId = (await createHook(airtable)).id
  source.mockReset().mockImplementation(async () => 'people')
  for (const field of fields) await readFieldCache(field, 'never', server.runtime)
  server.events.all.length = 0
})
afterEach(() => airtable.close())

async function drain(signal = new AbortController().signal) {
  const client = await airtableClient(airtable)
  const run = refreshChanged(fields, async () => createWebhooksApi(client), server.runtime)
  return run({ baseId, webhookId }, 'ping', signal)
}

const refreshed = () =>
  server.events.of('refresh.finished').map(({ field, reason, stored }) => `${field} ${reason} ${stored}`)
const ofPeople = ['people change true', 'by-name change true']
const ofAll = [...ofPeople, 'copies change true']

describe('a drain', () => {
  it('fetches anew what reads a table that has changed, or may do so, and is stored', async () => {
    await edit(airtable, 1, { Edad: 31 })
    await drain()
    expect(refreshed()).toEqual(ofPeople)
    expect(airtable.counters.byKind.listPayloads).toBe(1)
  })

  it('fetches nothing for changes that it has seen before', async () => {
    await edit(airtable, 1, { Edad: 31 })
    await drain()
    server.events.all.length = 0
    await drain()
    expect(refreshed()).toEqual([])
    await edit(airtable, 1, { Edad: 32 })
    await drain()
    expect(refreshed()).toEqual(ofPeople)
  })

  it('keeps what is only being fetched, and may have been read before the change, from being stored', async () => {
    await redis.flush()
    const gate = deferred<string>()
    source.mockReturnValueOnce(gate.promise)
    const reading = readFieldCache(people, 'never', server.runtime)
    await expect.poll(() => source.mock.calls.length).toBe(5)
    await edit(airtable, 1, { Edad: 31 })
    await drain()
    gate.resolve('old')
    expect((await reading).data).toBe('old')
    expect(await readFieldCache(people, 'never', server.runtime)).toMatchObject({
      status: 'miss',
      data: 'people',
    })
  })

  it.each([
    ['an error', { error: true, code: 'INTERNAL_ERROR' }],
    ['another format', { payloadFormat: 'v1' }],
  ])('takes %s for a change of everything', async (_, payload) => {
    airtable.controls.act({ do: 'payload', payload })
    await drain()
    expect(refreshed()).toEqual(ofAll)
  })

  it('knows tables that were made or deleted', async () => {
    airtable.controls.act({ do: 'payload', payload: { createdTablesById: { tblNew00000000001: {} } } })
    await drain()
    expect(refreshed()).toEqual(['by-name change true'])
    airtable.controls.act({ do: 'payload', payload: { destroyedTableIds: ['tblCopy0000000001'] } })
    await drain()
    expect(refreshed().slice(1)).toEqual(['by-name change true', 'copies change true'])
  })

  it.each(['skip', 'refuse'] as const)(
    'fetches everything when changes are lost (%s)',
    async (lostCursor) => {
      airtable.controls.set({ lostCursor })
      await edit(airtable, 1, { Edad: 31 })
      await drain()
      server.events.all.length = 0
      for (let age = 32; age < 36; age += 1) await edit(airtable, 1, { Edad: age })
      airtable.controls.act({ do: 'forget-payloads', keep: 1 })
      await drain()
      expect(refreshed()).toEqual(ofAll)
      server.events.all.length = 0
      await drain()
      expect(refreshed()).toEqual([])
    },
  )

  it('reads no more than five pages of changes, and fetches everything then', async () => {
    for (let count = 1; count <= 260; count += 1) {
      airtable.controls.act({ do: 'payload', payload: { changedTablesById: { [fivePeople.id]: {} } } })
    }
    await drain()
    expect(airtable.counters.byKind.listPayloads).toBe(5)
    expect(refreshed()).toEqual(ofAll)
  })

  it('that could not fetch all begins where it began', async () => {
    await edit(airtable, 1, { Edad: 31 })
    source.mockRejectedValueOnce(new Error('down'))
    await expect(drain()).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    expect(refreshed()).toEqual(['by-name change true'])
    server.events.all.length = 0
    await drain()
    expect(refreshed()).toEqual(ofPeople)
  })

  it('stops when it is told to', async () => {
    await edit(airtable, 1, { Edad: 31 })
    await expect(drain(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    expect(refreshed()).toEqual([])
  })
})
