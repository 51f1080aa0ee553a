import { describe, expect, it } from 'vitest'
import type { LogLevel } from '@/lib/config/appConfig'
import type { AnnotatedEvent } from '@/lib/observability/annotateEvent'
import { createEventLog } from '@/lib/observability/eventLog'
import { asJson, asText, chooseFormat, type LogFormat } from '@/lib/observability/logFormat'

function formatLines(events: readonly AnnotatedEvent[], threshold: LogLevel = 'info', format?: LogFormat) {
  const lines: string[] = []
  const log = createEventLog((line) => lines.push(line), threshold, format)
  for (const event of events) log(event)
  return lines
}

const refreshed = {
  type: 'refresh.finished',
  field: 'agents',
  reason: 'cron',
  durationMs: 231.4567,
  bytes: 12_840,
  items: 200,
  stored: true,
} as const

describe('log lines as JSON', () => {
  it('each event from the level up is one JSON line', () => {
    const lines = formatLines([
      { type: 'field.read', field: 'agents', status: 'hit', ageSeconds: 3, durationMs: 1 },
      { type: 'redis.slow', command: 'get', durationMs: 123.4567, limitMs: 100, requestId: 'r1' },
    ])
    expect(lines).toHaveLength(1)
    expect(lines[0]?.endsWith('\n')).toBe(true)
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      level: 'warn',
      event: 'redis.slow',
      command: 'get',
      durationMs: 123.5,
      limitMs: 100,
      requestId: 'r1',
    })
  })

  it('a refresh is one line, with the reason when it was not stored', () => {
    const notStored = { ...refreshed, stored: false, why: 'redis-failed' } as const
    const lines = formatLines([
      refreshed,
      { type: 'refresh.skipped', field: 'agents', why: 'redis-failed' },
      notStored,
    ])
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 'info', event: 'refresh.finished', stored: true },
      { level: 'warn', event: 'refresh.finished', stored: false, why: 'redis-failed' },
    ])
  })

  it('an opening circuit is a warning, a closing one info, and its refused reads are not logged', () => {
    const events: AnnotatedEvent[] = [
      { type: 'breaker.changed', from: 'closed', to: 'open' },
      { type: 'redis.degraded', operation: 'get', code: 'REDIS_CIRCUIT_OPEN', message: 'left alone' },
      { type: 'breaker.changed', from: 'half-open', to: 'closed' },
    ]
    expect(formatLines(events).map((line) => (JSON.parse(line) as { level: string }).level)).toEqual([
      'warn',
      'info',
    ])
  })

  it('long lists and long texts are shortened', () => {
    const guards = Array.from({ length: 500 }, (_, index) => `tag:product:${index}`)
    const [line = ''] = formatLines([{ type: 'field.invalidated', guards }])
    expect(JSON.parse(line)).toMatchObject({ guards: [...guards.slice(0, 10), 'and 490 more'] })
    const [other = ''] = formatLines(
      [{ type: 'refresh.started', field: 'x'.repeat(9_000), reason: 'cron' }],
      'debug',
    )
    expect(other.length).toBeLessThan(600)
  })
})

describe('log lines as text', () => {
  const at = new Date(2026, 0, 1, 8, 51, 31)
  const plain = (event: AnnotatedEvent, level: LogLevel = 'info') => asText(false)(event, level, at)

  it('text lines are short, with units and the end of the request id', () => {
    expect(plain({ ...refreshed, requestId: 'fra1::k7x2p-0a1b2c3d' })).toBe(
      '08:51:31 info  refresh.finished agents reason=cron duration=231.5ms bytes=12840 items=200 stored=true 0a1b2c3d',
    )
    expect(
      plain(
        {
          type: 'refresh.failed',
          field: 'agents',
          reason: 'miss',
          durationMs: 9,
          code: 'SOURCE_FAILED',
          message: 'it is down',
        },
        'error',
      ),
    ).toBe('08:51:31 error refresh.failed agents reason=miss duration=9ms code=SOURCE_FAILED – it is down')
  })

  it('text lines show the values of objects in a list', () => {
    const webhook = { webhook: 'ach1', base: 'app1', outcome: 'alive', drained: true } as const
    const counts = { durationMs: 5, refreshed: 1, failed: 0, skipped: 0, unfinished: 0, fresh: 0 }
    expect(
      plain({ type: 'cron.finished', ...counts, webhooks: [webhook, { ...webhook, webhook: 'a\nb' }] }),
    ).toMatch(/ webhooks=ach1 app1 alive true,a ?b app1 alive true$/)
  })

  it('an event is one text line whatever it holds, without terminal control sequences', () => {
    const line = plain({ type: 'source.cooling', field: 'agents', code: 'A\n\u001b[31mforged' })
    expect(line).toBe('08:51:31 info  source.cooling agents code=A [31mforged')
  })

  it('text lines have colours in a terminal', () => {
    const line = asText(true)({ type: 'lease.taken', field: 'agents' }, 'debug', at)
    expect(line).toBe('\u001b[90m08:51:31\u001b[0m \u001b[90mdebug\u001b[0m lease.taken agents')
  })

  it.each([
    [{ NODE_ENV: 'production' }, false, 'JSON'],
    [{ NODE_ENV: 'production' }, true, 'JSON'],
    [{}, false, 'JSON'],
    [{}, true, 'coloured'],
    [{ NODE_ENV: 'development' }, true, 'coloured'],
    [{ NODE_ENV: 'development', NO_COLOR: '1' }, true, 'plain'],
    [{ NODE_ENV: 'development' }, false, 'plain'],
    [{ NODE_ENV: 'development', FORCE_COLOR: '1' }, false, 'coloured'],
  ])('the format for %j, in a terminal: %s, is %s', (env, isTerminal, expected) => {
    const event = { type: 'lease.taken', field: 'agents' } as const
    const formats = { JSON: asJson, coloured: asText(true), plain: asText(false) }
    const line = chooseFormat(env, isTerminal)(event, 'debug', at)
    const is = Object.entries(formats).find(([, format]) => format(event, 'debug', at) === line)?.[0]
    expect(is).toBe(expected)
  })
})
