import { describe, expect, test } from 'vitest'
import type { RecordChange } from '@/lib/core-services/airtable/changelog/payloads'
import { decodeMark, type SyncMark } from '@/lib/core-services/airtable/changelog/syncMark'
import type { AirtableRecord } from '@/lib/core-services/airtable/records/page'
import { applyDelta, checkByColumns, type ReadCheck } from '@/lib/core-services/airtable/sync/applyDelta'
import type { ValueMetadata } from '@/lib/core-services/cache/fields/fieldConfig'

const NOW = Date.UTC(2026, 0, 10)
const mark: SyncMark = { hook: 'achA', cursor: 5, at: 0, shape: 's', records: 3, pending: {} }

interface Person {
  id: string
  name: string
}
const list = {
  item: ({ id, fields }: AirtableRecord): Person | null =>
    typeof fields.Name === 'string' ? { id, name: fields.Name } : null,
  sort: (items: { id: string }[]) => (items as Person[]).sort((a, b) => (a.name < b.name ? -1 : 1)),
}
const people: Person[] = [
  { id: 'recA', name: 'Ada' },
  { id: 'recB', name: 'Bea' },
  { id: 'recC', name: 'Cem' },
]
const unsure: ReadCheck = () => 'unknown'

/** `view`: the records that each read shows in the view; the last read repeats. */
async function apply({
  changes = {},
  view,
  pending = {},
  due = [],
  check = unsure,
  endsAt,
}: {
  changes?: Record<string, Partial<RecordChange>>
  view: Record<string, unknown>[]
  pending?: Record<string, number>
  due?: string[]
  check?: ReadCheck
  endsAt?: number
}) {
  const asked: string[][] = []
  const kept: ValueMetadata = {}
  let pauses = 0
  const records = Object.entries(changes).map(
    ([id, change]) => [id, { destroyed: false, cells: {}, ...change }] as const,
  )
  const merged = await applyDelta({
    list,
    previous: { value: structuredClone(people), note: undefined, fetchedAt: 1_000, endsAt },
    mark: { ...mark, pending },
    plan: {
      kind: 'delta',
      changes: { cursor: 9, payloads: 4, tables: new Map() },
      records: new Map(records),
      due: new Set(due),
    },
    read: async (ids) => {
      asked.push([...ids])
      const shown = view[Math.min(asked.length, view.length) - 1] ?? {}
      return Object.entries(shown)
        .filter(([id]) => ids.includes(id))
        .map(([id, Name]) => ({ id, createdTime: '', fields: { Name } }))
    },
    now: NOW,
    lagMs: 2_000,
    context: { keep: (about) => Object.assign(kept, about) },
    check,
    waitForNewerRead: async () => {
      pauses += 1
      return NOW + 1_500
    },
  })
  const after = decodeMark(kept.note)
  return {
    names: (merged.value as Person[]).map(({ name }) => name),
    asked,
    kept,
    after,
    pauses,
  }
}

describe('what was touched', () => {
  test('a changed record is read again and sorted into the list', async () => {
    const { names, asked } = await apply({ changes: { recA: {} }, view: [{ recA: 'Zoe' }] })
    expect(names).toEqual(['Bea', 'Cem', 'Zoe'])
    expect(asked).toEqual([['recA']])
  })

  test('a changed record joins the list when the view shows it', async () => {
    const { names, after } = await apply({ changes: { recD: {} }, view: [{ recD: 'Abe' }] })
    expect(names).toEqual(['Abe', 'Ada', 'Bea', 'Cem'])
    expect(after?.records).toBe(4)
  })

  test('a changed record leaves the list when the declaration has no item for it', async () => {
    expect((await apply({ changes: { recA: {} }, view: [{ recA: 7 }] })).names).toEqual(['Bea', 'Cem'])
  })

  test('a destroyed record leaves the list at once without a request', async () => {
    const { names, asked, after } = await apply({ changes: { recB: { destroyed: true } }, view: [{}] })
    expect(names).toEqual(['Ada', 'Cem'])
    expect(asked).toEqual([[]])
    expect(after).toMatchObject({ records: 2, pending: {} })
  })

  test('a known record stays in the mark for a while, because an older full read would bring it back', async () => {
    const destroyed = await apply({ changes: { recB: { destroyed: true } }, view: [{}] })
    expect(destroyed.after?.shown).toEqual({ recB: NOW })
    const proven = await apply({ changes: { recA: {} }, view: [{ recA: 'Zoe' }], check: () => 'new' })
    expect(proven.after?.shown).toEqual({ recA: NOW })
  })
})

describe('a read that can be older than the announcement', () => {
  test('a first read removes no absent record, and leaves it pending', async () => {
    const { names, after } = await apply({ changes: { recA: {} }, view: [{}] })
    expect(names).toEqual(['Ada', 'Bea', 'Cem'])
    expect(after?.pending).toEqual({ recA: NOW })
  })

  test('a second read removes an absent record', async () => {
    const gone = await apply({ view: [{}], pending: { recA: NOW - 2_000 }, due: ['recA'] })
    expect(gone.names).toEqual(['Bea', 'Cem'])
    expect(gone.after?.pending).toEqual({})
  })

  test('a second read does not remove a record that was changed once more', async () => {
    const { names, after } = await apply({
      changes: { recA: {} },
      view: [{}],
      pending: { recA: NOW - 9_000 },
      due: ['recA'],
    })
    expect(names).toContain('Ada')
    expect(after?.pending).toEqual({ recA: NOW })
  })

  test('a record whose recheck is not due stays pending since its first read', async () => {
    const { after } = await apply({
      changes: { recB: {} },
      view: [{ recB: 'Bo' }],
      pending: { recA: NOW - 500 },
    })
    expect(after?.pending).toEqual({ recA: NOW - 500, recB: NOW })
  })
})

describe('columns that are asked for by id', () => {
  const changes = new Map([['recA', { destroyed: false, cells: { fldName: 'Zoe' } }]])
  const shows = (cells: Record<string, unknown>) => ({ id: 'recA', createdTime: '', fields: cells })
  const check = checkByColumns(['fldName', 'fldTeam'], changes)

  test('columns by id tell whether a read has the change', () => {
    expect(check(shows({ fldName: 'Zoe' }), 'recA')).toBe('new')
    expect(check(shows({ fldName: 'Ada' }), 'recA')).toBe('old')
  })

  test('columns by id recognise an emptied cell by its absence', () => {
    const emptied = new Map([['recA', { destroyed: false, cells: { fldName: null } }]])
    expect(checkByColumns(['fldName'], emptied)(shows({}), 'recA')).toBe('new')
  })

  test('columns by id prove nothing by cells that look different in payloads, other columns, or absence', () => {
    const choice = new Map([['recA', { destroyed: false, cells: { fldTeam: { id: 'sel1', name: 'Go' } } }]])
    const other = new Map([['recA', { destroyed: false, cells: { fldOther: 1 } }]])
    expect(checkByColumns(['fldTeam'], choice)(shows({ fldTeam: 'Go' }), 'recA')).toBe('unknown')
    expect(checkByColumns(['fldName'], other)(shows({ fldName: 'Ada' }), 'recA')).toBe('unknown')
    expect(check(undefined, 'recA')).toBe('unknown')
  })

  test('a read older than the change is repeated once, after a pause', async () => {
    const byName: ReadCheck = (record) => (record?.fields.Name === 'Zoe' ? 'new' : 'old')
    const { names, pauses, after } = await apply({
      changes: { recA: {} },
      view: [{ recA: 'Ada' }, { recA: 'Zoe' }],
      check: byName,
    })
    expect(names).toEqual(['Bea', 'Cem', 'Zoe'])
    expect(pauses).toBe(1)
    expect(after?.pending).toEqual({})
  })

  test('a record that is still read too old keeps its item and stays pending', async () => {
    const { names, after } = await apply({
      changes: { recA: {}, recB: {} },
      view: [{ recA: 'Abe', recB: 'Bo' }],
      check: (record) => (record?.id === 'recA' ? 'old' : 'unknown'),
    })
    expect(names).toEqual(['Ada', 'Bo', 'Cem'])
    expect(after?.pending).toEqual({ recA: NOW + 1_500, recB: NOW })
  })

  test('columns by id prove nothing when another column was changed, which may have taken the record out of the view', () => {
    const both = new Map([['recA', { destroyed: false, cells: { fldName: 'Zoe', fldOther: 1 } }]])
    const left = new Map([['recA', { destroyed: false, cells: { fldName: 'Zoe' }, untold: true }]])
    expect(checkByColumns(['fldName'], both)(shows({ fldName: 'Zoe' }), 'recA')).toBe('unknown')
    expect(checkByColumns(['fldName'], left)(shows({ fldName: 'Zoe' }), 'recA')).toBe('unknown')
  })
})

test('the value keeps its age and its end, and notes how far the log was read', async () => {
  const { kept, after } = await apply({ changes: { recA: {} }, view: [{ recA: 'Ada' }], endsAt: 77 })
  expect(kept).toMatchObject({ fetchedAt: 1_000, endsAt: 77 })
  expect(after).toMatchObject({ hook: 'achA', cursor: 9, at: NOW })
})
