import { expect, it } from 'vitest'
import { createEventLog } from '@/lib/eventLog'

it('writes one JSON line for each event from the level up', () => {
  const lines: string[] = []
  const log = createEventLog((line) => lines.push(line), 'info')
  log({ type: 'field.read', field: 'agents', status: 'hit', ageSeconds: 3, durationMs: 1 })
  log({ type: 'redis.slow', command: 'get', durationMs: 123.4567, limitMs: 100 })
  expect(lines).toHaveLength(1)
  expect(lines[0]?.endsWith('\n')).toBe(true)
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    level: 'warn',
    event: 'redis.slow',
    command: 'get',
    durationMs: 123.5,
    limitMs: 100,
  })
})
