import { describe, expect, test } from 'vitest'
import type { LogChanges, RecordChange } from '@/lib/core-services/airtable/changelog/payloads'
import { DELTA_LIMITS } from '@/lib/core-services/airtable/changelog/syncLimits'
import type { SyncMark } from '@/lib/core-services/airtable/changelog/syncMark'
import { planSync, type ValueState } from '@/lib/core-services/airtable/sync/syncPlan'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 0, 10)
const subject = { tableId: 'tblA', hook: 'achA', shape: 'as-declared', list: true }
const mark: SyncMark = {
  hook: 'achA',
  cursor: 5,
  at: NOW - 1_000,
  shape: 'as-declared',
  records: 1_000,
  pending: {},
}

const touching = (ids: readonly string[], more: Partial<LogChanges> = {}, schema = false): LogChanges => {
  const records = new Map<string, RecordChange>(ids.map((id) => [id, { destroyed: false, cells: {} }]))
  return { cursor: 6, payloads: 1, tables: new Map([['tblA', { records, schema }]]), ...more }
}
const nothing: LogChanges = { cursor: 5, payloads: 0, tables: new Map() }
const many = (count: number) => Array.from({ length: count }, (_, index) => `rec${index}`)

function plan(changes: LogChanges, value: Partial<ValueState> = {}, about: Partial<typeof subject> = {}) {
  const stored = { mark, fetchedAt: NOW - DAY / 2, ...value }
  const source = { ...subject, ...about }
  return planSync({ source, value: stored, readFrom: async () => changes, now: NOW, limits: DELTA_LIMITS })
}

describe('how a value follows a change', () => {
  test('a few changed records of a large view are read one by one', async () => {
    expect(await plan(touching(['rec1', 'rec2']))).toMatchObject({ kind: 'delta' })
  })

  test('nothing is read when the table was not changed and nothing is pending', async () => {
    expect(await plan(nothing)).toMatchObject({ kind: 'none' })
    expect(await plan(touching(['rec1']), {}, { tableId: 'tblB' })).toMatchObject({ kind: 'none' })
  })

  test('a pending record is read again when reads can be believed, and not before', async () => {
    const since = (ms: number) => ({ mark: { ...mark, pending: { rec1: NOW - ms } } })
    expect(await plan(nothing, since(1_999))).toMatchObject({ kind: 'none' })
    expect(await plan(nothing, since(2_000))).toMatchObject({ kind: 'delta', due: new Set(['rec1']) })
  })

  test('a mark of which any record may be behind leads to a full read when it is due, or with the next change', async () => {
    const since = (ms: number) => ({ mark: { ...mark, anyPending: NOW - ms } })
    expect(await plan(nothing, since(1_999))).toMatchObject({ kind: 'none' })
    expect(await plan(nothing, since(2_000))).toEqual({ kind: 'full', why: 'many-records' })
    expect(await plan(touching(['rec1']), since(0))).toEqual({ kind: 'full', why: 'many-records' })
  })

  test.each<[string, string, LogChanges, Partial<ValueState>, Partial<typeof subject>]>([
    ['no-mark', 'nothing tells how far its log was read', touching([]), { mark: null }, {}],
    ['no-mark', 'its log is that of another webhook', touching([]), { mark: { ...mark, hook: 'achB' } }, {}],
    ['declared-anew', 'other code made it', touching([]), { mark: { ...mark, shape: 'other' } }, {}],
    [
      'log-too-old',
      'its log is older than 6 days',
      touching([]),
      { mark: { ...mark, at: NOW - 7 * DAY } },
      {},
    ],
    ['payloads-lost', 'payloads are lost', touching([], { unreadable: 'payloads-lost' }), {}, {}],
    ['error-payload', 'a payload is an error', touching([], { unreadable: 'error-payload' }), {}, {}],
    ['schema', 'a column has changed', touching(['rec1'], {}, true), {}, {}],
    ['not-a-list', 'its value depends on all records', touching(['rec1']), {}, { list: false }],
    [
      'small-view',
      'all of its view is two requests',
      touching(['rec1']),
      { mark: { ...mark, records: 200 } },
      {},
    ],
    ['reconcile', 'all of it was read a day ago', touching(['rec1']), { fetchedAt: NOW - DAY - 1 }, {}],
    ['many-records', 'more than one request of records was touched', touching(many(101)), {}, {}],
    ['many-records', 'a fifth was touched', touching(many(61)), { mark: { ...mark, records: 300 } }, {}],
  ])('reads everything (%s) when %s', async (why, _when, changes, value, about) => {
    expect(await plan(changes, value, about)).toEqual({ kind: 'full', why })
  })

  test('a log that cannot help is not requested', async () => {
    const never = async () => {
      throw new Error('the log was asked for')
    }
    const stored = { mark: { ...mark, at: NOW - 7 * DAY }, fetchedAt: NOW }
    const request = { source: subject, value: stored, readFrom: never, now: NOW, limits: DELTA_LIMITS }
    expect(await planSync(request)).toEqual({
      kind: 'full',
      why: 'log-too-old',
    })
  })
})
