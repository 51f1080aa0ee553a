import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { AllRow, FieldRow, RunRow } from '@/lib/admin/fieldRow'
import {
  ago,
  bytes,
  describeAge,
  describeFailure,
  describeFlaws,
  describeOutcome,
  describeReaders,
  describeRefreshAll,
  dollars,
  duration,
  milliseconds,
  percent,
  summarizeFields,
  whole,
} from '@/lib/admin/format'

const row = (rest: Partial<FieldRow> = {}): FieldRow => ({
  name: 'agents',
  status: 'fresh',
  condition: 'fresh',
  age: 60,
  ttl: 3_600,
  freshFor: 3_540,
  storedBytes: 0,
  fetching: false,
  cooling: null,
  run: null,
  lastSuccess: null,
  lastFailure: null,
  traffic: null,
  ...rest,
})
const run = (rest: Partial<RunRow> = {}): RunRow => ({
  state: 'refreshed',
  startedAt: 0,
  endedAt: 1_000,
  durationMs: 1_234,
  items: 234,
  progress: null,
  ...rest,
})
const all = (rest: Partial<AllRow> = {}): AllRow => ({
  state: 'ended',
  startedAt: 0,
  endedAt: 1_000,
  total: 3,
  done: 3,
  current: null,
  outcomes: { a: 'refreshed', b: 'refreshed', c: 'refreshed' },
  ...rest,
})

describe('numbers on the admin page', () => {
  it.each([
    [0, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [3_599, '59 min'],
    [3_600, '1 h'],
    [7_260, '2 h 1 min'],
    [172_799, '47 h 59 min'],
    [172_800, '2 days'],
    [180_000, '2 days 2 h'],
  ])('%d seconds are %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words)
  })

  it('numbers are short, and never round a failure away', () => {
    expect([ago(0, 4_999), ago(0, 65_000)]).toEqual(['just now', '1 min ago'])
    expect([milliseconds(0.54), milliseconds(34.4), milliseconds(1_250)]).toEqual([
      '0.5 ms',
      '34 ms',
      '1.3 s',
    ])
    expect([bytes(999), bytes(1_500), bytes(14_321), bytes(2_500_000)]).toEqual([
      '999 B',
      '1.5 kB',
      '14 kB',
      '2.5 MB',
    ])
    expect([whole(999), whole(1_234_567.4)]).toEqual(['999', '1\u202f234\u202f567'])
    expect([percent(1), percent(0.9999), percent(0.12345), percent(0)]).toEqual([
      '100 %',
      '99.9 %',
      '12.3 %',
      '0 %',
    ])
    expect([dollars(0), dollars(0.001), dollars(1.239)]).toEqual(['$0.00', 'under $0.01', '$1.24'])
  })
})

describe('the texts of a field', () => {
  it('a field is described by its age and how long it stays fresh', () => {
    expect(describeAge(row())).toBe('1 min old, fresh for another 59 min of 1 h')
    expect(describeAge(row({ age: 4_000, freshFor: -400 }))).toBe('1 h 6 min old, past its time for 6 min')
    expect(describeAge(row({ ttl: null, freshFor: null }))).toBe('1 min old, and never too old')
    expect(describeAge(row({ age: null, freshFor: null }))).toBe('No value')
  })

  it('every condition of a field says what readers get', () => {
    const conditions = [
      'fresh',
      'stale',
      'degraded',
      'expired',
      'invalidated',
      'unreadable',
      'absent',
      null,
    ] as const
    const told = conditions.map((condition) => describeReaders(row({ condition })))
    expect(new Set(told).size).toBe(conditions.length - 1)
    expect(describeReaders(row({ condition: 'degraded', cooling: 'SOURCE_FAILED' }))).toContain('older value')
    for (const words of told) expect(words).toMatch(/^[A-Z].*\.$/)
  })

  it('a refresh by hand is described by its outcome', () => {
    expect(describeOutcome('agents', run(), null)).toBe('agents was refreshed in 1.2 s: 234 records.')
    expect(describeOutcome('agents', run({ items: null, durationMs: null }), null)).toBe(
      'agents was refreshed.',
    )
    expect(describeOutcome('agents', run({ state: 'running' }), null)).toBe('agents is being refreshed.')
    expect(describeOutcome('agents', run({ state: 'cut-off' }), null)).toContain('cut off')
    const failure = { at: 0, code: 'AIRTABLE_TIMEOUT', message: null, hint: null }
    expect(describeOutcome('agents', run({ state: 'failed' }), failure)).toBe(
      'agents could not be refreshed. Airtable did not answer in time.',
    )
  })
})

describe('the texts of all fields', () => {
  it('one sentence describes all fields, the worst first', () => {
    const rows = (...statuses: FieldRow['status'][]) =>
      statuses.map((status, index) => row({ status, name: 'abcdef'[index] ?? '' }))
    expect(summarizeFields(rows('fresh'))).toBe('The one field is fresh.')
    expect(summarizeFields(rows('fresh', 'fresh'))).toBe('Both fields are fresh.')
    expect(summarizeFields(rows('fresh', 'refreshing'))).toBe('b is being renewed.')
    expect(summarizeFields(rows('stale', 'refreshing', 'expired', 'never-fetched'))).toBe(
      'a, c and d will be renewed at the next read.',
    )
    expect(summarizeFields(rows('stale', 'failing'))).toBe('b could not be renewed.')
    expect(summarizeFields(rows('unknown', 'unknown'))).toContain('Redis does not answer')
  })

  it('a refresh of all fields is described while it runs and afterwards', () => {
    expect(describeRefreshAll(all({ state: 'running', done: 1, current: 'b' }))).toBe(
      '1 of 3 done; b is being refreshed.',
    )
    expect(describeRefreshAll(all())).toBe('All 3 fields were refreshed.')
    expect(describeRefreshAll(all({ outcomes: { a: 'refreshed', b: 'failed', c: 'unstored' } }))).toBe(
      '1 of 3 fields were refreshed. Failed: b, c.',
    )
    expect(describeRefreshAll(all({ outcomes: { a: 'refreshed', b: 'busy', c: 'left' } }))).toBe(
      '1 of 3 fields were refreshed. Being refreshed already: b. 1 were not refreshed for lack of time: refresh all again.',
    )
    expect(describeRefreshAll(all({ state: 'cut-off', done: 1, outcomes: { a: 'refreshed' } }))).toContain(
      '2 were not refreshed',
    )
  })
})

describe('the texts of errors', () => {
  it('every error code of Airtable has plain words', () => {
    const folder = 'lib/core-services/airtable'
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && name !== 'airtableConfig.ts')
      .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))
    const codes = new Set(sources.join().match(/(?<=')AIRTABLE_[A-Z_]+(?=')/g))
    expect(codes.size).toBeGreaterThan(15)
    expect([...codes].filter((code) => describeFailure(code) === describeFailure('NEVER_HEARD_OF'))).toEqual(
      [],
    )
  })

  it('other error codes, and unknown ones, have plain words, too', () => {
    expect(describeFailure('SOURCE_TIMEOUT')).toBe('The source did not answer in time.')
    expect(describeFailure('REDIS_TIMEOUT')).toBe('Redis could not be reached.')
    expect(describeFailure('NEVER_HEARD_OF')).toBe('Something unexpected failed. The log has the details.')
  })
})

it('flawed records are described by how many, what is made of them, and which', () => {
  const ids = ['recA', 'recB']
  expect(describeFlaws({ at: 0, unreadable: 1, errors: 0, ids: ['recA'] })).toBe(
    '1 record cannot be read: it stays as it was, or is left out (recA).',
  )
  expect(describeFlaws({ at: 0, unreadable: 2, errors: 3, ids })).toBe(
    '2 records cannot be read: they stay as they were, or are left out; 3 cells hold an error of a formula: they count as empty (recA, recB).',
  )
  expect(describeFlaws({ at: 0, unreadable: 0, errors: 1, ids: [] })).toBe(
    '1 cell holds an error of a formula: it counts as empty.',
  )
})
