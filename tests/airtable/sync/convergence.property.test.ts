/**
 * Whatever happens to a table and to the processes that sync it: in the end the cached values are those of a full refetch.
 * In half of the worlds no ping comes after that of the last edit, and no cron runs: only time passes, and fields are read.
 * In the others a last ping comes or the cron runs, which make up for pings that Airtable has lost. A run that fails tells
 * its seed and path, and its story; `FIELD_CACHE_SEED=1 FIELD_CACHE_RUNS=5000` runs others, and more of them.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { countCoincidences } from '../../kit/simulation/coincidences'
import { expectShare, numberOfRuns } from '../../kit/simulation/runs'
import { type History, live } from './world/live'
import { lagging, laggingMore, type Script } from './world/script'
import { separateProcesses } from './world/simProcess'

const { FIELD_CACHE_SEED, FIELD_CACHE_RUNS } = process.env
const SEED = Number(FIELD_CACHE_SEED ?? Math.floor(Math.random() * 2 ** 31))

interface Case {
  name: string
  scripts: fc.Arbitrary<Script>
  runs: number
  /** What has to come about in so many of a hundred runs at least, or they prove nothing. */
  brings: Readonly<Record<string, number>>
}

const cases: Case[] = [
  {
    name: 'reads that lag less than is waited until they are believed',
    scripts: lagging,
    runs: 500,
    brings: {
      'by records': 25,
      'small-view': 5,
      'no-mark': 10,
      'not-a-list': 12,
      'many-records': 7,
      'second look': 90,
      'drained by the cron': 25,
      'carried on by a reader': 2,
      contended: 2,
      unreadable: 7,
      'most unreadable': 2.5,
    },
  },
  {
    name: 'reads that lag more, of cells that payloads tell',
    scripts: laggingMore,
    runs: 200,
    brings: { 'by records': 80, 'second look': 40 },
  },
]

let restore: () => void
beforeAll(() => {
  restore = separateProcesses()
})
afterAll(() => restore())

describe.each(cases)('$name', ({ scripts, runs, brings }) => {
  const numRuns = Number(FIELD_CACHE_RUNS ?? numberOfRuns(runs))
  it(
    'random schedules end in the values of a full refetch, and so do derived values',
    async () => {
      const seen = countCoincidences(Object.keys(brings))
      const property = fc.asyncProperty(scripts, async (script) => {
        const history = await live(script)
        seen.add(comingAbout(history, script))
        expect({ bugs: history.bugs, ...history.found }, history.story.join('\n')).toEqual({
          bugs: [],
          ...history.expected,
        })
      })
      await fc.assert(property, { numRuns, seed: SEED })
      for (const [what, least] of Object.entries(brings))
        expectShare(what, least / 100, seen.counts[what] ?? 0, numRuns)
    },
    300_000 + numRuns * 600,
  )
})

function comingAbout({ events, quietAt }: History, { last }: Script): Set<string> {
  return new Set(
    events.flatMap(({ event, at }) => {
      if (event.type === 'webhook.processed' && last === 'nothing' && at > quietAt)
        return ['carried on by a reader']
      if (event.type === 'field.synced') return [event.why ?? 'by records']
      if (event.type === 'webhook.processed' && event.cause === 'recheck') return ['second look']
      if (event.type === 'webhook.processed' && event.cause === 'cron') return ['drained by the cron']
      if (event.type === 'source.flawed' && event.unreadable > 0) return ['unreadable']
      if (event.type === 'refresh.failed' && event.cause === 'AIRTABLE_VIEW_EMPTIED')
        return ['an empty view refused']
      if (event.type === 'refresh.failed' && event.cause === 'AIRTABLE_RECORDS_UNREADABLE')
        return ['most unreadable']
      return event.type === 'force.contended' ? ['contended'] : []
    }),
  )
}
