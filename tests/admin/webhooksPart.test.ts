import { describe, expect, test } from 'vitest'
import { webhooksPart } from '@/lib/admin/systemStatus'
import type { WebhookOutcome } from '@/lib/shared/events'

const NOW = Date.UTC(2026, 0, 10, 12)
const outcome = (rest: Partial<WebhookOutcome>): WebhookOutcome => ({
  webhook: 'achA',
  base: 'appA',
  outcome: 'alive',
  drained: true,
  ...rest,
})
const part = (webhooks: WebhookOutcome[], at: number | null = NOW - 3_600_000) =>
  webhooksPart({ configured: 1, at, webhooks }, NOW)

describe('webhooks on the admin page', () => {
  test('webhooks are off where none is set up', () => {
    expect(webhooksPart({ configured: 0, at: null, webhooks: [] }, NOW).state).toBe('off')
  })

  test('webhooks that the cron found alive are fine, with the time of its check', () => {
    expect(part([outcome({})])).toMatchObject({
      state: 'ok',
      facts: [
        { name: 'Set up', value: '1' },
        { name: 'Last checked', value: '1 h ago' },
      ],
    })
    expect(part([], null).facts).toContainEqual({ name: 'Last checked', value: 'never' })
  })

  test('webhooks are bad when one is dead, with a hint what to do', () => {
    const { state, facts } = part([outcome({ outcome: 'dead', hint: 'Make a new one.' })])
    expect(state).toBe('bad')
    expect(facts).toContainEqual({ name: 'achA', value: 'Make a new one.' })
  })

  test('webhooks are a warning when the cron could not check one', () => {
    const { state, facts } = part([outcome({ outcome: 'failed', code: 'AIRTABLE_FORBIDDEN' })])
    expect(state).toBe('warn')
    expect(facts).toContainEqual({ name: 'achA', value: 'AIRTABLE_FORBIDDEN' })
  })
})
