import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { listPeople, person, startFivePeople } from '@/tests/kit/airtable/fivePeople'
import { askAirtable } from '@/tests/kit/airtable/testAirtable'

let server: AirtableServer
let clock: { now: number }

beforeEach(async () => {
  clock = { now: 0 }
  server = await startFivePeople(clock)
})
afterEach(() => server.close())

const list = (query: string, table?: string) => listPeople(server, query, table)
const ids = (records: readonly { id: string }[]) => records.map(({ id }) => Number(id.slice(3)))
const gone = { status: 422, body: { error: { type: 'LIST_RECORDS_ITERATOR_NOT_AVAILABLE' } } }

describe('a list of several pages', () => {
  async function pages(query: string): Promise<number[][]> {
    const found: number[][] = []
    let offset = ''
    do {
      const page = await list(`${query}&offset=${offset}`)
      found.push(ids(page.records))
      offset = page.offset
    } while (offset !== '')
    return found
  }

  it('a list is read page by page and ends without an offset', async () => {
    expect(await pages('view=Activos&pageSize=3')).toEqual([[4, 2, 1], [5]])
    expect(await pages('pageSize=5')).toEqual([[1, 2, 3, 4, 5]])
  })

  it('stops at maxRecords across pages', async () => {
    expect(await pages('pageSize=2&maxRecords=3')).toEqual([[1, 2], [3]])
  })

  it('a list keeps its members although the view changes meanwhile', async () => {
    const { offset } = await list('view=Activos&pageSize=2')
    const changes = { fields: { Edad: 99, Nombre: 'Eva' } }
    await askAirtable(server, 'People/rec00000000000005', { method: 'PATCH', body: changes })
    const second = await list(`view=Activos&pageSize=2&offset=${offset}`)
    expect(second.answer.body).toEqual({
      records: [
        person(1, { Nombre: 'Ángel', Edad: 30, Activo: 'sí' }),
        person(5, { Nombre: 'Eva', Edad: 99 }),
      ],
    })
    expect(ids((await list('view=Activos')).records)).toEqual([5, 4, 2, 1])
  })

  it('leaves out of later pages what was deleted meanwhile', async () => {
    const { offset } = await list('pageSize=2')
    await askAirtable(server, 'People/rec00000000000003', { method: 'DELETE' })
    expect(ids((await list(`pageSize=2&offset=${offset}`)).records)).toEqual([4])
  })

  it('answers the same page again when its offset is used again', async () => {
    const { offset } = await list('pageSize=2')
    const again = `pageSize=2&offset=${offset}`
    expect((await list(again)).answer).toEqual((await list(again)).answer)
  })
})

describe('an offset', () => {
  it('tells an unknown offset from a malformed one', async () => {
    expect((await list('offset=itrAAAAAAAAAAAAAA/rec00000000000001')).answer).toEqual(gone)
    expect((await list('offset=2')).answer).toEqual({
      status: 422,
      body: { error: { type: 'INVALID_OFFSET_VALUE', message: 'The value of offset is invalid' } },
    })
  })

  it('an offset is valid only for its own table', async () => {
    const { offset } = await list('pageSize=2')
    expect((await list(`offset=${offset}`, 'Copia')).answer).toEqual(gone)
    expect((await list(`offset=${offset}`)).answer.status).toBe(200)
  })

  it('an offset expires with a list that was not read for five minutes, and only with that one', async () => {
    const idle = await list('pageSize=2')
    const used = await list('pageSize=1')
    clock.now += 200_000
    const next = await list(`pageSize=1&offset=${used.offset}`)
    clock.now += 200_000
    expect((await list(`pageSize=2&offset=${idle.offset}`)).answer).toEqual(gone)
    expect((await list(`pageSize=1&offset=${next.offset}`)).answer.status).toBe(200)
  })
})
