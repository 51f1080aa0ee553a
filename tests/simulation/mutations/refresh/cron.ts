/** The order and the time of the cron. */
import type { Mutation } from '../../mutation'

const TEST = 'tests/cache/operations/refreshOrder.test.ts'

export const cronMutations: readonly Mutation[] = [
  {
    name: 'the cron takes fields in the order of the list',
    test: TEST,
    edits: [
      {
        file: 'core-services/cache/operations/refreshOrder.ts',
        search: 'compare(a.dueAt, b.dueAt) ||',
        replace: '',
      },
    ],
  },
  {
    name: 'the cron does not know what it has attempted when the value has ended',
    test: TEST,
    edits: [
      {
        file: 'core-services/cache/operations/scheduledRefresh.ts',
        search: '    attempts.succeeded(name)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a field that failed counts as never attempted',
    test: TEST,
    edits: [
      {
        file: 'core-services/cache/operations/scheduledRefresh.ts',
        search: '    await attempts.record(name)\n    if (isUnfinished',
        replace: '    if (isUnfinished',
      },
    ],
  },
  {
    name: 'the cron reckons with the deadline of most fields',
    test: TEST,
    edits: [
      {
        file: 'core-services/cache/operations/scheduledRefresh.ts',
        search: '* refreshTimeoutMs(runtime, field)\n',
        replace: '* runtime.refreshTimeoutMs\n',
      },
    ],
  },
  {
    name: 'the cron does not reckon with a force that is under way',
    test: TEST,
    edits: [
      {
        file: 'core-services/cache/operations/scheduledRefresh.ts',
        search: '(forcesAhead(runtime, field) + 1)',
        replace: '1',
      },
    ],
  },
]
