import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AirtableServer, startAirtableServer } from '@/local/airtable/server'
import { createHook, edit, listHooks } from '@/tests/kit/airtable/airtableHooks'
import { listPeople, person, startFivePeople } from '@/tests/kit/airtable/fivePeople'
import { type AnsweredRecord, askAirtable } from '@/tests/kit/airtable/testAirtable'

let server: AirtableServer
let clock: { now: number }

beforeEach(async () => {
  clock = { now: 0 }
  server = await startFivePeople(clock)
})
afterEach(() => server.close())

describe('the control endpoint', () => {
  async function control(method: string, body?: string) {
    const response = await fetch(`${server.url}/__local/controls`, { method, ...(body && { body }) })
    return { status: response.status, body: await response.json() }
  }

  it('changes, returns and resets the settings without a key and without being counted', async () => {
    const before = await control('GET')
    expect(await control('POST', '{"splitPayloads":2,"readLagMs":50}')).toEqual({
      status: 200,
      body: { settings: { ...server.controls.settings, splitPayloads: 2, readLagMs: 50 } },
    })
    expect(await control('DELETE')).toEqual(before)
    expect(server.counters.requests).toBe(0)
  })

  it('runs an action for one webhook or for all', async () => {
    const [one] = await Promise.all([createHook(server), createHook(server)])
    expect((await control('POST', JSON.stringify({ do: 'expire', webhook: one.id }))).status).toBe(200)
    const enabled = async () => (await listHooks(server)).map(({ isHookEnabled }) => isHookEnabled)
    expect((await enabled()).toSorted()).toEqual([false, true])
    await control('POST', '{"do":"expire"}')
    expect(await enabled()).toEqual([false, false])
  })

  it.each([
    ['{"splitPayloads":0}', /splitPayloads: Too small/],
    ['{"split":2}', /Unrecognized key: "split"/],
    ['{"do":"explode"}', /do: .*'ping'/],
    ['{"do":"ping"}', /there is no webhook/],
    ['{', /JSON/],
  ])('answers 400 to %s and says why', async (body, message) => {
    expect(await control('POST', body)).toEqual({
      status: 400,
      body: { error: expect.stringMatching(message) },
    })
  })
})

describe('reading records', () => {
  it('reads of lists and of single records can lag behind the payloads', async () => {
    await startLagging()
    const { records } = await listPeople(server, 'view=Activos')
    expect(records.map(({ fields }) => fields.Nombre)).toEqual(['Óscar', 'Zoe', 'Ángel', undefined])
    const one = await askAirtable(server, 'People/rec00000000000001')
    expect(one.body).toEqual(person(1, { Nombre: 'Ángel', Edad: 30, Activo: 'sí' }))
    clock.now += 60_000
    expect((await listPeople(server, 'view=Activos')).records).toHaveLength(3)
  })

  it('a lagging read catches up write by write', async () => {
    await startLagging()
    clock.now += 30_000
    await edit(server, 2, { Activo: 'no' })
    clock.now += 31_000
    expect((await listPeople(server, 'view=Activos')).records).toHaveLength(3)
    clock.now += 31_000
    expect((await listPeople(server, 'view=Activos')).records).toHaveLength(2)
  })

  async function startLagging(): Promise<void> {
    server.controls.set({ readLagMs: 60_000 })
    await edit(server, 1, { Activo: 'no' })
  }

  it('counts the comments of each record, of which there are none, when asked to', async () => {
    const { records } = await listPeople(server, 'recordMetadata[]=commentCount&maxRecords=1')
    expect(records).toEqual([{ ...person(1, { Nombre: 'Ángel', Edad: 30, Activo: 'sí' }), commentCount: 0 }])
  })
})

describe('attachments', () => {
  type Attachment = { id: string; url: string; filename: string }
  let files: AirtableServer

  beforeEach(async () => {
    const stored = { id: 'attPhoto0000000001', filename: 'foto 1.png', type: 'image/png', size: 9 }
    files = await startAirtableServer({
      apiKey: 'patTest',
      baseId: 'appTest0000000001',
      clock: () => (clock.now += 1_000),
      tables: [
        {
          id: 'tblFiles000000001',
          name: 'People',
          fields: { Nombre: 'singleLineText', Foto: 'multipleAttachments' },
          views: [],
          records: [person(1, { Nombre: 'Zoe', Foto: [stored] })],
        },
      ],
    })
  })
  afterEach(() => files.close())

  async function photos(): Promise<Attachment[]> {
    const { body } = await askAirtable(files, 'People/rec00000000000001')
    return (body as AnsweredRecord).fields.Foto as Attachment[]
  }
  async function photo(): Promise<Attachment> {
    const [found] = await photos()
    if (found === undefined) throw new Error('there is no photo')
    return found
  }

  it('attachments have another URL in each answer, valid for two hours', async () => {
    const [one, two] = [await photo(), await photo()]
    expect(one.url).not.toBe(two.url)
    expect({ ...one, url: '' }).toEqual({ ...two, url: '' })
    expect((await fetch(one.url)).status).toBe(200)
    clock.now += 7_200_000
    expect((await fetch(one.url)).status).toBe(410)
    expect((await fetch((await photo()).url)).status).toBe(200)
    expect(files.counters.byKind).toEqual({ get: 3 })
  })

  it('URLs of attachments live as long as the setting says', async () => {
    files.controls.set({ attachmentLifeMs: 0 })
    expect((await fetch((await photo()).url)).status).toBe(410)
  })

  it('keeps attachments by id when a cell is written, gives new ones an id, and takes a new URL for no change', async () => {
    const hook = await createHook(files)
    const kept = await photo()
    await edit(files, 1, { Foto: [{ id: kept.id, url: kept.url }] })
    await edit(files, 1, { Foto: [{ id: kept.id }, { url: 'https://example.com/a/cv.pdf' }] })
    expect(await photos()).toEqual([
      { ...kept, url: expect.any(String) },
      {
        id: expect.stringMatching(/^att\w{14}$/),
        filename: 'cv.pdf',
        url: expect.stringContaining(files.url),
      },
    ])
    expect((await listHooks(files))[0]).toMatchObject({ id: hook.id, cursorForNextPayload: 2 })
  })
})
