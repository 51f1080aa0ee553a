import { describe, expect, test } from 'vitest'
import { readPayloads } from '@/lib/core-services/airtable/changelog/payloads'
import type { WebhookPayload } from '@/lib/core-services/airtable/webhooksApi'
import { codedError } from '@/lib/shared/errors'

const changed = (table: string, content: object): WebhookPayload => ({
  payloadFormat: 'v0',
  changedTablesById: { [table]: content },
})
const cells = (values: object) => ({ cellValuesByFieldId: values })

/** A log whose first payload has the number 1; `kept`: the first one that is still there. */
function createLog(payloads: readonly WebhookPayload[], { pageSize = 50, kept = 1 } = {}) {
  return async (cursor: number) => {
    const from = Math.max(cursor, kept)
    const page = payloads.slice(from - 1, from - 1 + pageSize)
    const next = page.length === 0 ? cursor : from + page.length
    return { payloads: page, cursor: next, mightHaveMore: next <= payloads.length }
  }
}

describe('what a log of changes says', () => {
  test('payloads name the created, changed and destroyed records of each table', async () => {
    const log = createLog([
      changed('tblA', { createdRecordsById: { rec1: cells({ fldN: 'Ada' }) } }),
      changed('tblA', { changedRecordsById: { rec2: { current: cells({ fldN: 'Bea' }) } } }),
      changed('tblB', { destroyedRecordIds: ['rec3'] }),
    ])

    const { tables, cursor, payloads, unreadable } = await readPayloads(log, 1)

    expect({ cursor, payloads, unreadable }).toEqual({ cursor: 4, payloads: 3, unreadable: undefined })
    expect([...(tables.get('tblA')?.records ?? [])]).toEqual([
      ['rec1', { destroyed: false, cells: { fldN: 'Ada' } }],
      ['rec2', { destroyed: false, cells: { fldN: 'Bea' } }],
    ])
    expect(tables.get('tblB')?.records.get('rec3')).toEqual({ destroyed: true, cells: {} })
  })

  test('a record that left a view counts as changed, unless the table has lost it', async () => {
    const view = { changedViewsById: { viwA: { destroyedRecordIds: ['rec1', 'rec2'] } } }
    const log = createLog([changed('tblA', { ...view, destroyedRecordIds: ['rec2'] })])

    const { tables } = await readPayloads(log, 1)

    expect(tables.get('tblA')?.records.get('rec1')?.destroyed).toBe(false)
    expect(tables.get('tblA')?.records.get('rec2')?.destroyed).toBe(true)
  })

  test('the last payload counts: a record that was destroyed and restored exists', async () => {
    const log = createLog([
      changed('tblA', { destroyedRecordIds: ['rec1'] }),
      changed('tblA', { createdRecordsById: { rec1: cells({}) } }),
    ])

    expect((await readPayloads(log, 1)).tables.get('tblA')?.records.get('rec1')?.destroyed).toBe(false)
  })

  test('payloads are read from the cursor on, over several pages', async () => {
    const payloads = Array.from({ length: 7 }, (_, index) =>
      changed('tblA', { destroyedRecordIds: [`rec${index + 1}`] }),
    )

    const { tables, cursor } = await readPayloads(createLog(payloads, { pageSize: 2 }), 4)

    expect([...(tables.get('tblA')?.records.keys() ?? [])]).toEqual(['rec4', 'rec5', 'rec6', 'rec7'])
    expect(cursor).toBe(8)
  })

  test.each([
    ['a changed column', { changedFieldsById: { fldN: {} } }],
    ['a removed column', { destroyedFieldIds: ['fldN'] }],
  ])('reports %s', async (_what, content) => {
    expect((await readPayloads(createLog([changed('tblA', content)]), 1)).tables.get('tblA')?.schema).toBe(
      true,
    )
  })

  test('a table that is gone counts as a change of schema', async () => {
    const log = createLog([{ payloadFormat: 'v0', destroyedTableIds: ['tblA'] }])
    expect((await readPayloads(log, 1)).tables.get('tblA')?.schema).toBe(true)
  })

  test('unknown keys and strange shapes in payloads do no harm', async () => {
    const log = createLog([
      { payloadFormat: 'v0', novelty: 1 },
      changed('tblA', {
        createdRecordsById: null,
        changedRecordsById: { rec1: null },
        destroyedRecordIds: 'no',
      }),
    ])

    expect([...((await readPayloads(log, 1)).tables.get('tblA')?.records.keys() ?? [])]).toEqual(['rec1'])
  })
})

describe('a log that cannot be relied on', () => {
  const one = changed('tblA', { destroyedRecordIds: ['rec1'] })

  test('a log that begins after the cursor has lost payloads', async () => {
    expect((await readPayloads(createLog([one, one, one], { kept: 3 }), 1)).unreadable).toBe('payloads-lost')
  })

  test('a log that ends before the cursor is another log', async () => {
    const restored = async () => ({ payloads: [], cursor: 3, mightHaveMore: false })
    expect((await readPayloads(restored, 9)).unreadable).toBe('payloads-lost')
  })

  test.each(['INVALID_HOOK', 'INVALID_FILTERS', 'INTERNAL_ERROR', 'A_NEW_ONE'])(
    'a log with an error payload is unreadable (%s)',
    async (code) => {
      const log = createLog([one, { error: true, code, payloadFormat: 'v0' }])
      expect((await readPayloads(log, 1)).unreadable).toBe('error-payload')
    },
  )

  test('a log in an unknown format is unreadable', async () => {
    expect((await readPayloads(createLog([{ ...one, payloadFormat: 'v1' }]), 1)).unreadable).toBe(
      'unknown-format',
    )
  })

  test('a log of more than 250 payloads is not read to its end', async () => {
    const endless = async (cursor: number) => ({ payloads: [one], cursor: cursor + 1, mightHaveMore: true })
    const { unreadable, cursor } = await readPayloads(endless, 1)
    expect({ unreadable, cursor }).toEqual({ unreadable: 'too-many-payloads', cursor: 6 })
  })

  test.each(['AIRTABLE_WEBHOOK_UNKNOWN', 'AIRTABLE_FORBIDDEN', 'AIRTABLE_BAD_REPLY', 'AIRTABLE_TOO_LARGE'])(
    'a log that Airtable refuses for good is unreadable (%s)',
    async (code) => {
      const refused = async () => {
        throw codedError(code, 'no')
      }
      expect((await readPayloads(refused, 1)).unreadable).toBe('payloads-refused')
    },
  )

  test('a log rejects when another try can help', async () => {
    const busy = async () => {
      throw codedError('AIRTABLE_RATE_LIMITED', 'slow down')
    }
    await expect(readPayloads(busy, 1)).rejects.toMatchObject({ code: 'AIRTABLE_RATE_LIMITED' })
  })
})
