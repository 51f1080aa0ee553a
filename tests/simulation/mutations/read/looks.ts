import type { Mutation } from '../../mutation'

const WORLDS = 'tests/airtable/sync/convergence.property.test.ts'
const FALLBACKS = 'tests/airtable/sync/fallbacks.test.ts'
const PAYLOADS = 'tests/airtable/changelog/payloads.test.ts'
const QUEUE = 'tests/airtable/webhooks/recheckQueue.property.test.ts'
const LOOKS = 'tests/airtable/sync/rechecks.test.ts'
const MARKS = 'tests/airtable/changelog/largeMarks.test.ts'

/** Of the queue of looks at what Airtable has announced, and of what falls back to reading everything. */
export const lookMutations: readonly Mutation[] = [
  {
    name: 'looks: a further look drops the second one that waits',
    test: QUEUE,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckQueue.ts',
        search: 'again === undefined ? left : merged([...left,',
        replace: 'again === undefined ? [] : merged([...[],',
      },
    ],
  },
  {
    name: 'looks: a second look is put off by each further one',
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
    name: 'looks: pings that keep coming go before a second look',
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
    name: 'looks: a second look that keeps failing keeps pings from being looked at',
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
    name: 'looks: a time of a clock that is wrong is waited for',
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
    name: 'looks: a look that has failed is tried again at every read',
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
    name: 'looks: a look that fails leaves no trace in the queue',
    test: LOOKS,
    edits: [
      {
        file: 'core-services/airtable/webhooks/pingQueue.ts',
        search: '        await queue.replace(before, afterFailure(before, ports.clock.now(), seconds))\n',
        replace: '',
      },
    ],
  },
  {
    name: "looks: what an instance that died has left is nobody's concern",
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/webhooks/recheckWatch.ts',
        search: 'queue.base === null || !isForgotten',
        replace: 'queue.base !== null || !isForgotten',
      },
    ],
  },
  {
    name: 'looks: each process that sees a look carries on at once',
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
    name: 'looks: what was fetched before a late second look is believed',
    test: LOOKS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncField.ts',
        search: '(mark?.at ?? fetchedAt) > since - CLOCKS_MS',
        replace: '(mark?.at ?? fetchedAt) > since + CLOCKS_MS',
      },
    ],
  },
  {
    name: 'looks: what was made of a value that a force has replaced is never told',
    test: LOOKS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncField.ts',
        search: "changed: changed || (cause === 'again' && !standing.mark?.followed)",
        replace: 'changed',
      },
    ],
  },
  {
    name: 'looks: what is pending is not asked for once more when it is not time yet',
    test: MARKS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncField.ts',
        search: 'isPending(standing.mark) ? NOT_YET : AS_IT_WAS',
        replace: 'isPending(standing.mark) ? AS_IT_WAS : AS_IT_WAS',
      },
    ],
  },
  {
    name: 'looks: a mark grows past what a note can hold',
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
    name: 'looks: where any record may be pending, none is looked at again',
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
    name: 'looks: where any record may be pending, a read is believed at once',
    test: MARKS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncFetcher.ts',
        search: '    if ((followed?.anyPending ?? 0) > since) return null\n',
        replace: '',
      },
    ],
  },
  {
    name: 'looks: a key that may not list webhooks stops what follows them',
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
    name: 'looks: a webhook that the key may not see is not followed',
    test: FALLBACKS,
    edits: [
      {
        file: 'core-services/airtable/webhooks/handlePing.ts',
        search: 'await unlessRefused(() => service.list(baseId, { signal }))',
        replace: 'await service.list(baseId, { signal })',
      },
    ],
  },
  {
    name: 'looks: a log that ends before what was asked for is taken for one without news',
    test: PAYLOADS,
    edits: [
      {
        file: 'core-services/airtable/changelog/payloads.ts',
        search: 'page.cursor - page.payloads.length !== drained.cursor',
        replace: 'page.cursor - page.payloads.length > drained.cursor',
      },
    ],
  },
  {
    name: 'looks: a ping that is announced late takes the place of a newer one',
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
