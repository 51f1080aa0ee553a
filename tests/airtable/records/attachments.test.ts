import { expect, test } from 'vitest'
import { attachmentsEnd } from '@/lib/core-services/airtable/records/attachments'

const record = (fields: Record<string, unknown>) => ({
  id: 'rec1',
  createdTime: '2026-01-01T00:00:00.000Z',
  fields,
})
const photo = { id: 'att00000000000001', url: 'https://v5.airtableusercontent.com/x', filename: 'x.png' }

test('a value with an attachment ends before the two hours of its URLs do', () => {
  const end = attachmentsEnd([record({ Name: 'Ada' }), record({ Photo: [photo] })], 1_000)
  expect(end).toBeGreaterThan(1_000 + 3_600_000)
  expect(end).toBeLessThan(1_000 + 7_200_000)
})

test('links, choices and texts set no end', () => {
  const fields = {
    Team: ['rec2'],
    Skills: [{ id: 'sel1', name: 'Go' }],
    Link: 'https://example.com',
    Empty: [],
  }
  expect(attachmentsEnd([record(fields)], 1_000)).toBeUndefined()
})
