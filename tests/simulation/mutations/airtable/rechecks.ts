import type { Mutation } from '../../mutation'

const WORLDS = 'tests/airtable/sync/convergence.property.test.ts'
const FALLBACKS = 'tests/airtable/sync/fallbacks.test.ts'
const PAYLOADS = 'tests/airtable/changelog/payloads.test.ts'
const QUEUE = 'tests/airtable/webhooks/recheckQueue.property.test.ts'
const RECHECKS = 'tests/airtable/sync/rechecks.test.ts'
const MARKS = 'tests/airtable/changelog/largeMarks.test.ts'

/** Of the queue of syncs and rechecks, and of what falls back to a full read. */
export const recheckMutations: readonly Mutation[] = [
  {
    name: 'rechecks: a further look drops the second one that waits',
    test: QUEUE,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'recheckAt === undefined ? left : merge([...left,',
        replace: 'recheckAt === undefined ? [] : merge([...[],',
      },
    ],
  },
  {
    name: 'rechecks: a second look is put off by each further one',
    test: QUEUE,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'return [first, { at: last.at,',
        replace: 'return [{ at: last.at,',
      },
    ],
  },
  {
    name: 'rechecks: pings that keep coming go before a second look',
    test: QUEUE,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: '!(mayBegin && failures % 2 === 1)',
        replace: '!mayBegin',
      },
    ],
  },
  {
    name: 'rechecks: a second look that keeps failing keeps pings from being looked at',
    test: QUEUE,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: '!(mayBegin && failures % 2 === 1)',
        replace: '!(mayBegin && failures < 0)',
      },
    ],
  },
  {
    name: 'rechecks: a time of a clock that is wrong is waited for',
    test: QUEUE,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'due <= now || due > now + LONGEST_WAIT_MS',
        replace: 'due <= now',
      },
    ],
  },
  {
    name: 'rechecks: a look that has failed is tried again at every read',
    test: QUEUE,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'notBefore: now + Math.min(pause, LONGEST_PAUSE_MS)',
        replace: 'notBefore: Math.min(now, pause)',
      },
    ],
  },
  {
    name: 'rechecks: a look that fails leaves no trace in the queue',
    test: RECHECKS,
    edits: [
      {
        file: 'core-services/airtable/webhooks/pingQueue.ts',
        search: '        await queue.replace(before, afterFailure(before, ports.clock.now(), seconds))\n',
        replace: '',
      },
    ],
  },
  {
    name: 'rechecks: the queue of a dead instance is never taken over',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckWatch.ts',
        search: 'queue.base === null || !isAbandoned',
        replace: 'queue.base !== null || !isAbandoned',
      },
    ],
  },
  {
    name: 'rechecks: each process that sees a look carries on at once',
    test: QUEUE,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'const GRACE_MS = 10_000',
        replace: 'const GRACE_MS = 0',
      },
    ],
  },
  {
    name: 'rechecks: what was fetched before a late second look is believed',
    test: RECHECKS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncField.ts',
        search: '(mark?.at ?? fetchedAt) > since - CLOCK_DIFFERENCE_MS',
        replace: '(mark?.at ?? fetchedAt) > since + CLOCK_DIFFERENCE_MS',
      },
    ],
  },
  {
    name: 'rechecks: what was derived from a value that a force has replaced is never invalidated',
    test: RECHECKS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncField.ts',
        search: "changed: changed || (cause === 'recheck' && !value.mark?.followed)",
        replace: 'changed',
      },
    ],
  },
  {
    name: 'rechecks: what is pending is not asked for once more when it is not time yet',
    test: MARKS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncField.ts',
        search: 'isPending(value.mark) ? RECHECK_LATER : UNCHANGED',
        replace: 'isPending(value.mark) ? UNCHANGED : UNCHANGED',
      },
    ],
  },
  {
    name: 'rechecks: a mark grows past what a note can hold',
    test: MARKS,
    edits: [
      {
        file: 'core-services/airtable/changelog/syncMark.ts',
        search: 'if (encoded(mark).length <= MOST_NOTE_CHARACTERS) return mark',
        replace: 'if (encoded(mark).length > 0) return mark',
      },
    ],
  },
  {
    name: 'rechecks: where any record may be pending, none is looked at again',
    test: MARKS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncPlan.ts',
        search: 'const anyDue = mark.anyPending !== undefined &&',
        replace: 'const anyDue = mark.anyPending === 0 &&',
      },
    ],
  },
  {
    name: 'rechecks: where any record may be pending, a read is believed at once',
    test: MARKS,
    edits: [
      {
        file: 'core-services/airtable/sync/fetchChanges.ts',
        search: '  if ((own?.anyPending ?? 0) > since) return null\n',
        replace: '',
      },
    ],
  },
  {
    name: 'rechecks: a key that may not list webhooks stops what follows them',
    test: FALLBACKS,
    edits: [
      {
        file: 'core-services/airtable/changelog/changeLog.ts',
        search: 'unlessRefused(() => api.list(baseId, { signal })).then',
        replace: 'api.list(baseId, { signal }).then',
      },
    ],
  },
  {
    name: 'rechecks: a webhook that the key may not see is not followed',
    test: FALLBACKS,
    edits: [
      {
        file: 'core-services/airtable/webhooks/webhookSync.ts',
        search: 'await unlessRefused(() => service.list(baseId, { signal }))',
        replace: 'await service.list(baseId, { signal })',
      },
    ],
  },
  {
    name: 'rechecks: a log that ends before what was asked for is taken for one without news',
    test: PAYLOADS,
    edits: [
      {
        file: 'core-services/airtable/changelog/payloads.ts',
        search: 'page.cursor - page.payloads.length !== changes.cursor',
        replace: 'page.cursor - page.payloads.length > changes.cursor',
      },
    ],
  },
  {
    name: 'rechecks: a ping that is announced late takes the place of a newer one',
    test: 'tests/airtable/webhooks/recheckWatch.test.ts',
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'if (before <= newest) return',
        replace: 'return',
      },
    ],
  },
]
