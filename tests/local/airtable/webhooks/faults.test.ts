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

let server: AirtableServer

beforeEach(async () => {
  server = await startFivePeople()
})
afterEach(() => server.close())

const numbers = (payloads: readonly ListedPayload[]) => payloads.map((p) => p.baseTransactionNumber)

describe('payloads on demand', () => {
  it('one write can make several payloads, down to one for each cell, of the same moment and transaction', async () => {
    const hook = await createHook(server)
    server.controls.set({ splitPayloads: 3 })
    await edit(server, 1, { Edad: 31, Nombre: 'Ana' })
    await edit(server, 2, { Edad: 51 })
    const { payloads, cursor } = await listPayloads(server, hook.id)
    const [one, two] = payloads
    expect([payloads.length, cursor]).toEqual([3, 4])
    expect(two).toMatchObject({ timestamp: one?.timestamp, baseTransactionNumber: 1 })
    const { Nombre = '', Edad = '' } = await fieldIds(server)
    const inOnePerson = (cells: object) => ({
      [fivePeople.id]: {
        changedRecordsById: { rec00000000000001: { current: { cellValuesByFieldId: cells } } },
      },
    })
    expect(one?.changedTablesById).toEqual(inOnePerson({ [Nombre]: 'Ana' }))
    expect(two?.changedTablesById).toEqual(inOnePerson({ [Edad]: 31 }))
  })

  it.each(['INVALID_FILTERS', 'INVALID_HOOK'] as const)(
    'a payload on demand ends a webhook: %s',
    async (code) => {
      const hook = await createHook(server)
      server.controls.act({ do: 'invalidate', code })
      await edit(server, 1, { Edad: 31 })
      const { payloads } = await listPayloads(server, hook.id)
      expect(payloads).toEqual([expect.objectContaining({ error: true, code, payloadFormat: 'v0' })])
      expect((await listHooks(server))[0]).toMatchObject({ isHookEnabled: false })
      expect((await askHooks(server, `/${hook.id}/refresh`, { method: 'POST' })).status).toBe(422)
    },
  )

  it('a payload on demand can be anything that the vendor might send, and does not change the webhook', async () => {
    const hook = await createHook(server)
    const other = await createHook(server)
    const said = [
      { error: true, code: 'INTERNAL_ERROR' },
      { payloadFormat: 'v1', destroyedTableIds: ['tblX'] },
    ]
    for (const payload of said) server.controls.act({ do: 'payload', webhook: hook.id, payload })
    await edit(server, 1, { Edad: 31 })
    const { payloads } = await listPayloads(server, hook.id)
    expect(payloads).toHaveLength(3)
    expect(payloads.slice(0, 2)).toMatchObject(said)
    expect(numbers(payloads)).toEqual([1, 2, 3])
    expect((await listPayloads(server, other.id)).payloads).toHaveLength(1)
  })

  it('refuses a cursor whose payload is gone, when the setting says so', async () => {
    const hook = await createHook(server)
    for (const age of [31, 32, 33]) await edit(server, 1, { Edad: age })
    server.controls.act({ do: 'forget-payloads', keep: 1 })
    server.controls.set({ lostCursor: 'refuse' })
    expect((await askHooks(server, `/${hook.id}/payloads?cursor=2`)).status).toBe(422)
    expect(numbers((await listPayloads(server, hook.id, 'cursor=3')).payloads)).toEqual([3])
  })
})
