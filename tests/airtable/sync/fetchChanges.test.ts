import { expect, test, vi } from 'vitest'
import { airtableList, buildShape } from '@/lib/core-services/airtable/airtableField'
import type { ChangeLog } from '@/lib/core-services/airtable/changelog/changeLog'
import type { LogChanges } from '@/lib/core-services/airtable/changelog/payloads'
import { DELTA_LIMITS } from '@/lib/core-services/airtable/changelog/syncLimits'
import { decodeMark, encodeMark, type SyncMark } from '@/lib/core-services/airtable/changelog/syncMark'
import { fetchChanges } from '@/lib/core-services/airtable/sync/fetchChanges'
import type { FetchContext, ValueMetadata } from '@/lib/core-services/cache/fields/fieldConfig'
import { defaultPorts } from '@/lib/shared/ports'

const NOW = Date.UTC(2026, 0, 1)
const field = airtableList<{ id: string }>({
  name: 'people',
  key: 'people',
  ttl: 60,
  table: { name: 'people', locate: () => ({ baseId: 'app1', tableId: 'tblA' }) },
  columns: ['Name'],
  item: ({ id }) => ({ id }),
  order: () => 0,
})
const markAt = (cursor: number): SyncMark => ({
  hook: 'ach1',
  cursor,
  at: NOW,
  shape: buildShape(field.airtable),
  records: 300,
  pending: {},
})
const upTo = (cursor: number): LogChanges => ({ cursor, payloads: 0, tables: new Map() })

/** A sync that was planned for a mark at 3 and finds another one. Returns the cursor of the new mark. */
async function fetchOver(found: SyncMark, readFrom: ChangeLog['readFrom']) {
  const kept: ValueMetadata = {}
  const previous = { value: [], note: encodeMark(found), fetchedAt: NOW, endsAt: undefined }
  const context: FetchContext = {
    signal: new AbortController().signal,
    reason: 'change',
    startedAt: NOW,
    previous: async () => previous,
    keep: (about) => void Object.assign(kept, about),
    remainingMs: () => 10_000,
    resume: async () => null,
    startOver: () => undefined,
    pause: () => Promise.reject(new Error('nothing is read in parts')),
  }
  const record = { id: 'ach1', baseId: 'app1', scope: null, cursor: 5, at: NOW, settled: 5, followed: 5 }
  const log: ChangeLog = { record, readFrom, position: async () => null, end: () => 9 }
  const value = { note: encodeMark(markAt(3)), mark: markAt(3), fetchedAt: NOW }
  const planned = { value, plan: { kind: 'none', changes: upTo(5) } as const }
  const job = { field, log, limits: DELTA_LIMITS, ports: { ...defaultPorts, emit: () => undefined }, planned }
  expect(await fetchChanges(job, context)).toEqual({ value: [], pending: false, changed: false })
  return decodeMark(kept.note)?.cursor
}

test('a sync is carried out as planned, without planning again', async () => {
  const readFrom = vi.fn(async () => upTo(9))
  expect(await fetchOver(markAt(3), readFrom)).toBe(5)
  expect(readFrom).not.toHaveBeenCalled()
})

test('a sync is planned again when another process has replaced the value since', async () => {
  const readFrom = vi.fn(async () => upTo(9))
  expect(await fetchOver(markAt(8), readFrom)).toBe(9)
  expect(readFrom.mock.calls).toEqual([[8]])
})
