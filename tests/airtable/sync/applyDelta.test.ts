import { describe, expect, test } from 'vitest'
import type { RecordChange } from '@/lib/core-services/airtable/changelog/payloads'
import { decodeMark, type SyncMark } from '@/lib/core-services/airtable/changelog/syncMark'
import type { AirtableRecord } from '@/lib/core-services/airtable/records/page'
import { applyDelta, checkByColumns, type ReadCheck } from '@/lib/core-services/airtable/sync/applyDelta'
import type { Kept } from '@/lib/core-services/cache/fields/fieldConfig'

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

/** `view`: who is in the view by what Airtable's reads show, read by read; the last one stays. */
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
  const kept: Kept = {}
  let pauses = 0
  const records = Object.entries(changes).map(
    ([id, change]) => [id, { destroyed: false, cells: {}, ...change }] as const,
  )
  const merged = await applyDelta(
    {
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
    },
    check,
    async () => {
      pauses += 1
      return NOW + 1_500
    },
  )
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
  test('is read again and takes its place in the order of the list', async () => {
    const { names, asked } = await apply({ changes: { recA: {} }, view: [{ recA: 'Zoe' }] })
    expect(names).toEqual(['Bea', 'Cem', 'Zoe'])
    expect(asked).toEqual([['recA']])
  })

  test('comes in when the view shows it', async () => {
    const { names, after } = await apply({ changes: { recD: {} }, view: [{ recD: 'Abe' }] })
    expect(names).toEqual(['Abe', 'Ada', 'Bea', 'Cem'])
    expect(after?.records).toBe(4)
  })

  test('leaves the list when the declaration has no item for it', async () => {
    expect((await apply({ changes: { recA: {} }, view: [{ recA: 7 }] })).names).toEqual(['Bea', 'Cem'])
  })

  test('is gone at once when Airtable says that it was destroyed, and not asked for', async () => {
    const { names, asked, after } = await apply({ changes: { recB: { destroyed: true } }, view: [{}] })
    expect(names).toEqual(['Ada', 'Cem'])
    expect(asked).toEqual([[]])
    expect(after).toMatchObject({ records: 2, pending: {} })
  })

  test('is noted for a while even where it is known: a full read that is older would bring it back', async () => {
    const destroyed = await apply({ changes: { recB: { destroyed: true } }, view: [{}] })
    expect(destroyed.after?.shown).toEqual({ recB: NOW })
    const proven = await apply({ changes: { recA: {} }, view: [{ recA: 'Zoe' }], check: () => 'new' })
    expect(proven.after?.shown).toEqual({ recA: NOW })
  })
})

describe('a read that can be older than the announcement', () => {
  test('removes nobody for being absent, and has the record looked at again', async () => {
    const { names, after } = await apply({ changes: { recA: {} }, view: [{}] })
    expect(names).toEqual(['Ada', 'Bea', 'Cem'])
    expect(after?.pending).toEqual({ recA: NOW })
  })

  test('is believed the second time', async () => {
    const gone = await apply({ view: [{}], pending: { recA: NOW - 2_000 }, due: ['recA'] })
    expect(gone.names).toEqual(['Bea', 'Cem'])
    expect(gone.after?.pending).toEqual({})
  })

  test('is not believed the second time when the record was touched once more', async () => {
    const { names, after } = await apply({
      changes: { recA: {} },
      view: [{}],
      pending: { recA: NOW - 9_000 },
      due: ['recA'],
    })
    expect(names).toContain('Ada')
    expect(after?.pending).toEqual({ recA: NOW })
  })

  test('leaves what is not due as long pending as it was', async () => {
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

  test('tell whether a read has the change', () => {
    expect(check(shows({ fldName: 'Zoe' }), 'recA')).toBe('new')
    expect(check(shows({ fldName: 'Ada' }), 'recA')).toBe('old')
  })

  test('know an emptied cell by its absence', () => {
    const emptied = new Map([['recA', { destroyed: false, cells: { fldName: null } }]])
    expect(checkByColumns(['fldName'], emptied)(shows({}), 'recA')).toBe('new')
  })

  test('cannot tell by cells that look different in payloads, nor by other columns, nor by absence', () => {
    const choice = new Map([['recA', { destroyed: false, cells: { fldTeam: { id: 'sel1', name: 'Go' } } }]])
    const other = new Map([['recA', { destroyed: false, cells: { fldOther: 1 } }]])
    expect(checkByColumns(['fldTeam'], choice)(shows({ fldTeam: 'Go' }), 'recA')).toBe('unknown')
    expect(checkByColumns(['fldName'], other)(shows({ fldName: 'Ada' }), 'recA')).toBe('unknown')
    expect(check(undefined, 'recA')).toBe('unknown')
  })

  test('an old read is repeated once, after a pause', async () => {
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

  test('one that stays old changes nothing, and is repeated once more later', async () => {
    const { names, after } = await apply({
      changes: { recA: {}, recB: {} },
      view: [{ recA: 'Abe', recB: 'Bo' }],
      check: (record) => (record?.id === 'recA' ? 'old' : 'unknown'),
    })
    expect(names).toEqual(['Ada', 'Bo', 'Cem'])
    expect(after?.pending).toEqual({ recA: NOW + 1_500, recB: NOW })
  })

  test('cannot tell where a column was changed that is not asked for, by which it may have left the view', () => {
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
