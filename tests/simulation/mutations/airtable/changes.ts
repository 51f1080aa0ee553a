import type { Mutation } from '../../mutation'

const WORLDS = 'tests/airtable/sync/convergence.property.test.ts'
const FALLBACKS = 'tests/airtable/sync/fallbacks.test.ts'
const PAYLOADS = 'tests/airtable/changelog/payloads.test.ts'
const RUN = 'tests/airtable/changelog/changeLog.test.ts'
const DELTA = 'tests/airtable/sync/applyDelta.test.ts'

/** Of the sync after changes that Airtable announces. */
export const changeMutations: readonly Mutation[] = [
  {
    name: 'changes: what was read once is believed, and nothing is looked at once more',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/sync/applyDelta.ts',
        search: 'const settled = shown || (due.has(id) && !changes.has(id))',
        replace: 'const settled = true || shown || due.has(id)',
      },
    ],
  },
  {
    name: 'changes: a full read for a change is believed at once',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/sync/fetchChanges.ts',
        search: 'Object.fromEntries((ids ?? []).map((id) => [id, now]))',
        replace: '{}',
      },
    ],
  },
  {
    name: 'changes: an order that not all records confirm is read at once and believed',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/sync/fetchChanges.ts',
        search: 'return ids.size === 0 || (cheap && ids.size <= limits.mostRecords) ? [...ids] : null',
        replace: 'return cheap ? [...ids] : []',
      },
    ],
  },
  {
    name: 'changes: reads are believed as soon as there is a second one',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncPlan.ts',
        search: '?? now) >= limits.lagMs',
        replace: '?? now) >= 0',
      },
      {
        file: 'core-services/airtable/changelog/syncLimits.ts',
        search: 'lagMs: 2_000',
        replace: 'lagMs: 50',
      },
    ],
  },
  {
    name: 'changes: a full read begins where the log ends now, though reads lag behind it',
    test: RUN,
    edits: [
      {
        file: 'core-services/airtable/changelog/webhookStore.ts',
        search: 'now - at >= DELTA_LIMITS.lagMs ? cursor : settled',
        replace: 'now - at >= 0 ? cursor : settled',
      },
    ],
  },
  {
    name: 'changes: what is being fetched when a change is announced is left alone',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/sync/syncField.ts',
        search: '    await invalidateField(field, runtime)\n',
        replace: '    return UNCHANGED\n',
      },
    ],
  },
  {
    name: 'changes: items of the same rank stand as they come',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/airtableField.ts',
        search: 'order(one, other) || compareIds(one, other)',
        replace: 'order(one, other)',
      },
    ],
  },
  {
    name: 'changes: a deleted record is not worth a look',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/changelog/payloads.ts',
        search: '      changing.records.set(record, { destroyed: true, cells: {} })',
        replace: '      changing.records.delete(record)',
      },
    ],
  },
  {
    name: 'changes: a restored record stays deleted',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/changelog/payloads.ts',
        search:
          '  records.set(id, { destroyed: false, cells: { ...known?.cells, ...Object(cells) }, ...untold })',
        replace:
          '  records.set(id, before?.destroyed ? before : { destroyed: false, cells: Object(cells), ...untold })',
      },
    ],
  },
  {
    name: 'changes: the cells of a record are proof of it whatever else was changed',
    test: 'tests/airtable/sync/applyDelta.test.ts',
    edits: [
      {
        file: 'core-services/airtable/sync/applyDelta.ts',
        search: "asked.length === announced.length && !untold ? 'new' : 'unknown'",
        replace: "'new'",
      },
    ],
  },
  {
    name: 'changes: what is derived from a table learns only of changes that were just listed',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/webhooks/webhookSync.ts',
        search: '      if (result.changed) changed.push(state.field)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'changes: a value is written though another one was written since it was looked at',
    test: 'tests/cache/fields/refresh/contendedForces.test.ts',
    edits: [
      {
        file: 'testing/redis/scripts.ts',
        search: 'if (current.some((token, index) => token !== expected[index])) return 0',
        replace: 'if (current.slice(1).some((token, index) => token !== expected[index + 1])) return 0',
      },
    ],
  },
  {
    name: 'changes: a record that is not in a read is gone at once',
    test: DELTA,
    edits: [
      {
        file: 'core-services/airtable/sync/applyDelta.ts',
        search: 'else if (record || settled) items.delete(id)',
        replace: 'else items.delete(id)',
      },
    ],
  },
  {
    name: 'changes: a record that has left a view is taken for deleted',
    test: PAYLOADS,
    edits: [
      {
        file: 'core-services/airtable/changelog/payloads.ts',
        search: 'changing.records.set(record, UNTOLD)',
        replace: 'changing.records.set(record, { destroyed: true, cells: {} })',
      },
    ],
  },
  {
    name: 'changes: a gap in the log is not seen',
    test: FALLBACKS,
    edits: [
      {
        file: 'core-services/airtable/changelog/payloads.ts',
        search: 'if (lost) return',
        replace: 'if (lost && changes.cursor < 0) return',
      },
    ],
  },
  {
    name: 'changes: an emptied log is taken for one in which nothing has happened',
    test: FALLBACKS,
    edits: [
      {
        file: 'core-services/airtable/changelog/changeLog.ts',
        search: 'if (known <= from) return false',
        replace: 'if (known <= from || known > from) return false',
      },
    ],
  },
  {
    name: 'changes: a plan is carried out on a value that has replaced the one it was made for',
    test: 'tests/airtable/sync/fetchChanges.test.ts',
    edits: [
      {
        file: 'core-services/airtable/sync/fetchChanges.ts',
        search: 'if (value.note === note && value.fetchedAt === fetchedAt) return planned.plan',
        replace: 'if (note !== null && fetchedAt > 0) return planned.plan',
      },
    ],
  },
]
