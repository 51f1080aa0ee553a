import type { Mutation } from '../../mutation'

const WORLDS = 'tests/airtable/sync/convergence.property.test.ts'
const UNREADABLE = 'tests/airtable/sync/records/unreadableRecords.test.ts'
const EMPTIED = 'tests/airtable/sync/records/emptiedViews.test.ts'

/** Of what an answer of Airtable must be like. */
export const recordMutations: readonly Mutation[] = [
  {
    name: 'records: a delta drops a record that cannot be read, a full read keeps it',
    test: UNREADABLE,
    edits: [
      {
        file: 'core-services/airtable/sync/applyDelta.ts',
        search: 'if (made.flaws.unreadable.includes(id)) continue',
        replace: '',
      },
    ],
  },
  {
    name: 'records: a full read drops a record that cannot be read, a delta keeps it',
    test: WORLDS,
    edits: [
      {
        file: 'core-services/airtable/airtableField.ts',
        search: 'flaws.unreadable.length > 0 ? await previousItems(context, shape, maker) : null',
        replace: 'null as Map<string, Listed> | null',
      },
    ],
  },
  {
    name: 'records: cells with errors are what they are',
    test: UNREADABLE,
    edits: [
      {
        file: 'core-services/airtable/records/cells.ts',
        search: 'if (!cells.some(([, cell]) => holdsError(cell))) return { record, errors: 0 }',
        replace: 'if (cells.length > 0) return { record, errors: 0 }',
      },
    ],
  },
  {
    name: 'records: a list of which most cannot be read is made of the rest',
    test: UNREADABLE,
    edits: [
      {
        file: 'core-services/airtable/records/items.ts',
        search: 'if (2 * flaws.unreadable.length > viewRecords)',
        replace: 'if (flaws.unreadable.length > viewRecords)',
      },
    ],
  },
  {
    name: 'records: items may have other ids than their records',
    test: UNREADABLE,
    edits: [
      {
        file: 'core-services/airtable/records/items.ts',
        search: 'if (made !== null && made?.id !== record.id)',
        replace: 'if (made === undefined)',
      },
    ],
  },
  {
    name: 'records: an item that the schema refuses costs the whole list',
    test: UNREADABLE,
    edits: [
      {
        file: 'core-services/airtable/airtableField.ts',
        search: '...(schema && { refused: createRefusalCheck(schema) }),',
        replace: '',
      },
    ],
  },
  {
    name: 'records: an empty view is believed at once',
    test: EMPTIED,
    edits: [
      {
        file: 'core-services/airtable/airtableField.ts',
        search: 'if (isEmpty) await assertNotEmptied(',
        replace: 'if (isEmpty && mayBeEmpty) await assertNotEmptied(',
      },
    ],
  },
  {
    name: 'records: an anonymous force confirms that a view is empty',
    test: EMPTIED,
    edits: [
      {
        file: 'core-services/airtable/records/previousItems.ts',
        search: "(reason === 'force' && !anonymous)",
        replace: "reason === 'force'",
      },
    ],
  },
  {
    name: 'records: an empty view is not believed even if its records were seen to leave',
    test: EMPTIED,
    edits: [
      {
        file: 'core-services/airtable/records/previousItems.ts',
        search: 'if (count > 0 && !left)',
        replace: 'if (count > 0)',
      },
    ],
  },
]
