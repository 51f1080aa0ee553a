import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import {
  askHooks,
  createHook,
  edit,
  fieldIds,
  type ListedPayload,
  listHooks,
  listPayloads,
} from '@/tests/kit/airtable/airtableHooks'
import { fivePeople, startFivePeople } from '@/tests/kit/airtable/fivePeople'
import { type AnsweredRecord, askAirtable } from '@/tests/kit/airtable/testAirtable'

const WEEK_MS = 604_800_000
const [first, second, third] = ['rec00000000000001', 'rec00000000000002', 'rec00000000000003']

let server: AirtableServer
let clock: { now: number }
let field: Record<string, string>

beforeEach(async () => {
  clock = { now: 0 }
  server = await startFivePeople(clock)
  field = await fieldIds(server)
})
afterEach(() => server.close())

const id = (name: string): string => field[name] ?? ''
const choice = (name: string) => ({ id: expect.stringMatching(/^sel\w{14}$/), name })
const changesIn = ({ changedTablesById }: ListedPayload) => changedTablesById?.[fivePeople.id]

const numbers = (payloads: readonly ListedPayload[]) => payloads.map((p) => p.baseTransactionNumber)

async function lastChange(hook: { id: string }): Promise<unknown> {
  const payload = (await listPayloads(server, hook.id)).payloads.at(-1)
  return payload && changesIn(payload)
}
async function create(fields: Record<string, unknown>): Promise<AnsweredRecord> {
  const { body } = await askAirtable(server, 'People', { method: 'POST', body: { fields } })
  return body as AnsweredRecord
}

describe('a payload', () => {
  it('a payload has author, action and time, and of an edited record only the changed cells, by field id', async () => {
    const hook = await createHook(server)
    await edit(server, 1, { Edad: 31, Nombre: 'Ángel' })
    const { payloads, ...rest } = await listPayloads(server, hook.id)
    expect(rest).toEqual({ cursor: 2, mightHaveMore: false })
    expect(payloads).toEqual([
      {
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        baseTransactionNumber: 1,
        payloadFormat: 'v0',
        actionMetadata: {
          source: 'publicApi',
          sourceMetadata: { user: expect.objectContaining({ permissionLevel: 'create' }) },
        },
        changedTablesById: {
          [fivePeople.id]: {
            changedRecordsById: { [first]: { current: { cellValuesByFieldId: { [id('Edad')]: 31 } } } },
          },
        },
      },
    ])
  })

  it('a payload has choices as objects, unlike the record API, and an emptied cell as null', async () => {
    const hook = await createHook(server)
    const current = (cells: object) => ({
      changedRecordsById: { [first]: { current: { cellValuesByFieldId: cells } } },
    })
    await edit(server, 1, { Activo: 'no', Notas: ['a', 'b'], Nombre: null })
    const notes = [choice('a'), choice('b')]
    expect(await lastChange(hook)).toEqual(
      current({ [id('Activo')]: choice('no'), [id('Notas')]: notes, [id('Nombre')]: null }),
    )
    await edit(server, 1, { Activo: '', Notas: [] })
    expect(await lastChange(hook)).toEqual(current({ [id('Activo')]: null, [id('Notas')]: null }))
  })

  it('a payload has all cells of a new record, and the ids of deleted ones', async () => {
    const hook = await createHook(server)
    const { id: added, createdTime } = await create({ Nombre: 'Eva', Edad: 7, Activo: '' })
    const cells = { [id('Nombre')]: 'Eva', [id('Edad')]: 7 }
    expect(await lastChange(hook)).toEqual({
      createdRecordsById: { [added]: { cellValuesByFieldId: cells, createdTime } },
    })
    await askAirtable(server, `People?records[]=${added}&records[]=${third}`, { method: 'DELETE' })
    expect(await lastChange(hook)).toEqual({ destroyedRecordIds: [added, third] })
  })

  it('one payload covers all records of a request', async () => {
    const hook = await createHook(server)
    const records = [first, second].map((record) => ({ id: record, fields: { Edad: 1 } }))
    await askAirtable(server, 'People', { method: 'PATCH', body: { records } })
    const current = { current: { cellValuesByFieldId: { [id('Edad')]: 1 } } }
    expect(await lastChange(hook)).toEqual({ changedRecordsById: { [first]: current, [second]: current } })
  })

  it('a write that changes nothing or is refused makes no payload, although the former is counted', async () => {
    const hook = await createHook(server)
    await edit(server, 5, { Activo: false, Nombre: '' })
    await askAirtable(server, 'People', { method: 'PATCH', body: { records: [] } })
    await edit(server, 5, { Edad: 21 })
    const { payloads } = await listPayloads(server, hook.id)
    expect(payloads.map(({ baseTransactionNumber }) => baseTransactionNumber)).toEqual([2])
  })
})

describe('what a webhook asks for', () => {
  it('a webhook can ask for previous and unchanged values', async () => {
    const includes = {
      includePreviousCellValues: true,
      includeCellValuesInFieldIds: [id('Nombre'), id('Edad')],
    }
    const hook = await createHook(server, { includes })
    await edit(server, 1, { Edad: 31 })
    expect(await lastChange(hook)).toEqual({
      changedRecordsById: {
        [first]: {
          current: { cellValuesByFieldId: { [id('Edad')]: 31 } },
          previous: { cellValuesByFieldId: { [id('Edad')]: 30 } },
          unchanged: { cellValuesByFieldId: { [id('Nombre')]: 'Ángel' } },
        },
      },
    })
  })

  it.each([
    ['of another table', () => ({ recordChangeScope: 'tblCopy0000000001' })],
    ['of other fields', () => ({ watchDataInFieldIds: [id('Nombre')] })],
    ['of other types', () => ({ changeTypes: ['add', 'remove'] })],
    ['from other sources', () => ({ fromSources: ['client', 'automation'] })],
    ['of fields, not of data', () => ({ dataTypes: ['tableFields'] })],
  ])('a webhook can leave out changes %s', async (_, filters) => {
    const hook = await createHook(server, { filters: filters() })
    await edit(server, 1, { Edad: 31 })
    expect((await listPayloads(server, hook.id)).payloads).toEqual([])
  })

  it('a webhook can watch a view: records are created when they enter and destroyed when they leave', async () => {
    const hook = await createHook(server, { filters: { recordChangeScope: 'viwActive00000001' } })
    const inView = (changes: object) => ({ changedViewsById: { viwActive00000001: changes } })
    await edit(server, 3, { Edad: 41 })
    expect(await lastChange(hook)).toBeUndefined()
    await edit(server, 3, { Activo: 'sí' })
    const cells = { [id('Nombre')]: 'begoña', [id('Edad')]: 41, [id('Activo')]: choice('sí') }
    const createdTime = '2025-01-01T00:00:00.000Z'
    expect(await lastChange(hook)).toEqual(
      inView({ createdRecordsById: { [third]: { cellValuesByFieldId: cells, createdTime } } }),
    )
    await edit(server, 1, { Activo: 'no' })
    expect(await lastChange(hook)).toEqual(inView({ destroyedRecordIds: [first] }))
    await edit(server, 2, { Edad: 51 })
    const current = { current: { cellValuesByFieldId: { [id('Edad')]: 51 } } }
    expect(await lastChange(hook)).toEqual(inView({ changedRecordsById: { [second]: current } }))
  })
})

describe('payloads are listed', () => {
  it('lists payloads in pages of at most 50, each with the cursor of the next', async () => {
    const hook = await createHook(server)
    for (let age = 100; age < 153; age += 1) await edit(server, 1, { Edad: age })
    const page = await listPayloads(server, hook.id)
    expect([page.payloads.length, page.cursor, page.mightHaveMore]).toEqual([50, 51, true])
    const rest = await listPayloads(server, hook.id, 'cursor=51')
    expect([numbers(rest.payloads), rest.cursor, rest.mightHaveMore]).toEqual([[51, 52, 53], 54, false])
    expect((await listPayloads(server, hook.id, 'cursor=51&limit=3')).mightHaveMore).toBe(false)
    const short = await listPayloads(server, hook.id, 'cursor=51&limit=2')
    expect([numbers(short.payloads), short.cursor, short.mightHaveMore]).toEqual([[51, 52], 53, true])
    expect(await listPayloads(server, hook.id, 'cursor=54')).toEqual({
      payloads: [],
      cursor: 54,
      mightHaveMore: false,
    })
    expect((await listHooks(server))[0]).toMatchObject({ cursorForNextPayload: 54 })
  })

  it.each(['cursor=0', 'cursor=next', 'limit=51', 'since=1'])(
    'refuses to list payloads for %s',
    async (query) => {
      const { id: hook } = await createHook(server)
      expect((await askHooks(server, `/${hook}/payloads?${query}`)).status).toBe(422)
    },
  )

  it('lists payloads for a week; the numbers continue, so that missing ones show', async () => {
    const hook = await createHook(server)
    await edit(server, 1, { Edad: 31 })
    clock.now += WEEK_MS / 2
    await listPayloads(server, hook.id)
    await edit(server, 1, { Edad: 32 })
    clock.now += WEEK_MS / 2
    const { payloads, cursor } = await listPayloads(server, hook.id, 'cursor=1')
    expect([numbers(payloads), cursor]).toEqual([[2], 3])
    clock.now += WEEK_MS / 2
    expect(await listPayloads(server, hook.id, 'cursor=2')).toEqual({
      payloads: [],
      cursor: 2,
      mightHaveMore: false,
    })
    expect((await listHooks(server))[0]).toMatchObject({ cursorForNextPayload: 3 })
  })
})
