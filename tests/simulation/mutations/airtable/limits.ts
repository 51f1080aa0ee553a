import type { Mutation } from '../../mutation'

const BUDGET = 'tests/airtable/rate-limit/rateLimiter.property.test.ts'
const CLOCK = 'tests/airtable/rate-limit/clockCheck.test.ts'
const NONSENSE = 'tests/cache/fields/nonsenseOptions.test.ts'
const METRICS = 'tests/metrics/metricsStore.test.ts'

/** Of what instances share a limit or a sum by. */
export const limitMutations: readonly Mutation[] = [
  {
    name: 'limits: permits end by a clock that went back',
    test: BUDGET,
    edits: [
      {
        file: 'core-services/airtable/rate-limit/rateLimitScript.ts',
        search: 'if back < 0 then',
        replace: 'if false then',
      },
    ],
  },
  {
    name: 'limits: permits are free by a clock that went ahead',
    test: BUDGET,
    edits: [
      {
        file: 'core-services/airtable/rate-limit/clockCheck.ts',
        search: 'if (ahead <= TOLERANCE_MS + DRIFT * passed) return undefined',
        replace: 'if (ahead >= 0) return undefined',
      },
    ],
  },
  {
    name: 'limits: an answer from before Redis knew of the jump is believed',
    test: CLOCK,
    edits: [
      {
        file: 'core-services/airtable/rate-limit/clockCheck.ts',
        search: 'if (latest?.jump.from === time.skew && time.at > latest.after) return latest.jump',
        replace: '',
      },
    ],
  },
  {
    name: 'limits: each report of a jump begins a quiet time of its own',
    test: CLOCK,
    edits: [
      {
        file: 'core-services/airtable/rate-limit/rateLimitScript.ts',
        search: 'if request.jumped and request.jumped.from == (state.skew or 0) then',
        replace: 'if request.jumped then',
      },
    ],
  },
  {
    name: 'limits: a bucket waits for a clock that went back',
    test: 'tests/cache/coordination/tokenBuckets.test.ts',
    edits: [
      {
        file: 'core-services/cache/coordination/scripts/takeFromBuckets.ts',
        search: 'if known > empty then',
        replace: 'if false then',
      },
    ],
  },
  {
    name: 'limits: a table is followed as often as it is edited',
    test: 'tests/airtable/webhooks/recheckQueue.property.test.ts',
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'const mayBegin = isPending && isDue(pausedUntil, now)',
        replace: 'const mayBegin = isPending',
      },
    ],
  },
  {
    name: 'limits: what is announced while a table rests is forgotten',
    test: 'tests/airtable/webhooks/recheckQueue.property.test.ts',
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'return isPending ? { ...PING_SYNC, at: pausedUntil } : null',
        replace: 'return null',
      },
    ],
  },
  {
    name: 'limits: what has no text of its own breaks the error that names it',
    test: NONSENSE,
    edits: [
      {
        file: 'shared/text.ts',
        search: "typeof value === 'object' && value !== null ? 'an object' : String(value)",
        replace: '`${value}`',
      },
    ],
  },
  {
    name: 'metrics: a batch is sent again when its number is forgotten',
    test: METRICS,
    edits: [
      {
        file: 'core-services/metrics/metricsStore.ts',
        search: 'if (now - first.at > SEND_AGAIN_MS) return 0',
        replace: '',
      },
    ],
  },
]
