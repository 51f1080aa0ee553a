import { describe, expect, test, vi } from 'vitest'
import { createChangeLog } from '@/lib/core-services/airtable/changelog/changeLog'
import { buildRecord, settledCursor } from '@/lib/core-services/airtable/changelog/webhookStore'
import type { PayloadPage, Webhook } from '@/lib/core-services/airtable/webhooksApi'

const payload = (id: string) => ({
  payloadFormat: 'v0',
  changedTablesById: { tblA: { destroyedRecordIds: [id] } },
})
const hook: Webhook = {
  id: 'achA',
  isHookEnabled: true,
  areNotificationsEnabled: true,
  cursorForNextPayload: 1,
  expirationTime: null,
  notificationUrl: null,
  scope: null,
  lastNotification: null,
  lastSuccessfulNotificationTime: null,
}

/** A run over a log that holds the payloads from `oldest` on and grows by one with each listing of webhooks, if asked to. */
function runOver(
  ids: string[],
  { oldest = 1, grows = false, quiet = false, cursor = 1, pageSize = 50 } = {},
) {
  const payloads = vi.fn(async (_base: string, _hook: string, from = 1): Promise<PayloadPage> => {
    const first = Math.max(from, oldest)
    const page = ids.slice(first - 1, first - 1 + pageSize)
    const next = page.length === 0 ? from : first + page.length
    return { payloads: page.map(payload), cursor: next, mightHaveMore: page.length > 0 && next <= ids.length }
  })
  const list = vi.fn(async () => {
    if (grows) ids.push('late')
    return [{ ...hook, cursorForNextPayload: ids.length + 1 }]
  })
  const record = buildRecord({ id: 'achA', baseId: 'appA', scope: null, cursor }, 0)
  const options = { announced: true, quiet, signal: new AbortController().signal }
  const run = createChangeLog({ payloads, list }, record, options)
  const idsFrom = async (from: number) => [
    ...((await run.readFrom(from)).tables.get('tblA')?.records.keys() ?? []),
  ]
  return { run, payloads, list, idsFrom }
}

describe('a look at what a webhook has recorded', () => {
  test('a log is listed once for fields with different cursors', async () => {
    const { idsFrom, payloads } = runOver(['a', 'b', 'c', 'd', 'e'], { pageSize: 2 })
    expect(await idsFrom(1)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(payloads).toHaveBeenCalledTimes(3)
    expect(await idsFrom(2)).toEqual(['b', 'c', 'd', 'e'])
    expect(await idsFrom(5)).toEqual(['e'])
    expect(await idsFrom(6)).toEqual([])
    expect(payloads).toHaveBeenCalledTimes(3)
  })

  test('an empty log counts as lost when the webhook has come further', async () => {
    const { run, list } = runOver(['a', 'b'], { oldest: 3 })
    expect((await run.readFrom(1)).unreadable).toBe('payloads-lost')
    expect(list).toHaveBeenCalledTimes(1)
    expect(await run.position()).toEqual({ hook: 'achA', cursor: 3 })
  })

  test('a payload that is written during the listing does not count as lost', async () => {
    const { idsFrom } = runOver([], { grows: true })
    expect(await idsFrom(1)).toEqual(['late'])
  })

  test('a recheck lists only for values behind the first sync', async () => {
    const { idsFrom, payloads } = runOver(['a', 'b', 'c'], { quiet: true, cursor: 3 })
    expect(await idsFrom(3)).toEqual([])
    expect(payloads).not.toHaveBeenCalled()
    expect(await idsFrom(2)).toEqual(['b', 'c'])
  })
})

test('a new read begins where the log ended two seconds ago', () => {
  const seen = { id: 'achA', baseId: 'appA', scope: null }
  const first = buildRecord({ ...seen, cursor: 5 }, 10_000)
  expect([settledCursor(first, 11_999), settledCursor(first, 12_000)]).toEqual([1, 5])
  const second = buildRecord({ ...seen, cursor: 8 }, 20_000, first)
  expect([settledCursor(second, 21_000), settledCursor(second, 22_000)]).toEqual([5, 8])
  const soon = buildRecord({ ...seen, cursor: 9 }, 20_500, second)
  expect([settledCursor(soon, 21_000), settledCursor(soon, 22_500)]).toEqual([5, 9])
})
