import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { airtableClient } from '@/tests/kit/airtable/airtableClient'
import { fivePeople, startFivePeople } from '@/tests/kit/airtable/fivePeople'

let server: AirtableServer
beforeEach(async () => {
  server = await startFivePeople()
})
afterEach(() => server.close())

const recordId = (person: number) => `rec${String(person).padStart(14, '0')}`

async function read(ids: readonly string[]) {
  const client = await airtableClient(server)
  return client.fetchRecords(server.baseId, fivePeople.id, { view: 'Activos', fields: ['Nombre'], ids })
}

describe('records asked for by id', () => {
  it('records requested by id come in the order of the view, and only if the view shows them', async () => {
    const records = await read([1, 3, 4, 9].map(recordId))
    expect(records.map(({ fields }) => fields)).toEqual([{ Nombre: 'Óscar' }, { Nombre: 'Ángel' }])
    expect(server.counters.byKind).toEqual({ list: 1 })
  })

  it('at most a hundred records can be requested by id, in one request', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => recordId(index))
    expect(await read(ids)).toHaveLength(4)
    expect(server.counters.requests).toBe(1)
    await expect(read([...ids, recordId(100)])).rejects.toMatchObject({
      code: 'AIRTABLE_QUERY_INVALID',
      message: expect.stringContaining(`table ${fivePeople.id} of base ${server.baseId} cannot be asked`),
    })
    expect(server.counters.requests).toBe(1)
  })

  it.each(["rec1',TRUE(),'", 'tblPeople00000001', 'rec', ''])('are not those of %j', async (id) => {
    await expect(read([recordId(1), id])).rejects.toMatchObject({ code: 'AIRTABLE_QUERY_INVALID' })
    expect(server.counters.requests).toBe(0)
  })

  it('an empty list of ids costs no request', async () => {
    expect(await read([])).toEqual([])
    expect(server.counters.requests).toBe(0)
  })
})
