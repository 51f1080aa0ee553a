import { beforeEach, describe, expect, test } from 'vitest'
import { type AirtableField, airtableList } from '@/lib/core-services/airtable/airtableField'
import { DELTA_LIMITS } from '@/lib/core-services/airtable/changelog/syncLimits'
import { decodeMark } from '@/lib/core-services/airtable/changelog/syncMark'
import { decodeEntry } from '@/lib/core-services/cache/entry/entry'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { fieldRuntime } from '@/lib/core-services/cache/processContext'
import { askHooks } from '../../kit/airtable/airtableHooks'
import { changesAppForThisFile } from '../../kit/airtable/changesApp'
import { byName, count, declared, inViewOrder, people, TABLE } from '../../kit/airtable/eightPeople'
import { person } from '../../kit/airtable/fivePeople'
import { refetched } from '../../kit/airtable/refetched'
import { askAirtable } from '../../kit/airtable/testAirtable'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const DAY = 86_400_000
const LIMITS = { ...DELTA_LIMITS, smallView: 0, mostShare: 1 }

const redis = redisForThisFile()
const app = changesAppForThisFile(redis, [TABLE])

let edits = 0
async function edit(...positions: number[]): Promise<void> {
  edits += 1
  const records = positions.map((position) => ({
    id: person(position, {}).id,
    fields: { Name: `Edited ${edits}` },
  }))
  app.pass(1_000)
  expect((await askAirtable(app.airtable, 'People', { method: 'PATCH', body: { records } })).status).toBe(200)
}

const cached = async (field: AirtableField<unknown>) => (await readFieldCache(field)).data
/** The value of the field stands with a mark, and its source is edited after that. */
async function standing(field: AirtableField<unknown> = people): Promise<void> {
  await app.drain([field], 'ping')
  app.pass(5_000)
  await cached(field)
  app.pass(5_000)
}

const followed = () => app.events.of('field.synced').map(({ how, why }) => why ?? how)
const payload = (content: Record<string, unknown>) =>
  app.airtable.controls.act({ do: 'payload', payload: content })
const onTable = (content: object) => payload({ changedTablesById: { [TABLE.id]: content } })

beforeEach(() => {
  app.airtable.controls.set({ splitPayloads: 1, lostCursor: 'skip' })
  return () => app.airtable.faults.clear()
})

test('a change of one record reads that record alone', async () => {
  await standing()
  await edit(3)
  await app.drain([people], 'ping', LIMITS)
  expect(followed()).toEqual(['records'])
  expect(await cached(people)).toEqual(await refetched(people))
})

interface Case {
  why: string
  when: string
  field?: AirtableField<unknown>
  /** As it is declared by the time of the change. */
  later?: AirtableField<unknown>
  limits?: Partial<typeof LIMITS>
  unmarked?: boolean
  happens(): unknown
}

const cases: Case[] = [
  {
    why: 'no-mark',
    when: 'the value was read before the webhook was known',
    unmarked: true,
    happens: () => edit(1),
  },
  {
    why: 'log-too-old',
    when: 'no sync has run for more than six days',
    async happens() {
      await edit(1)
      app.pass(6 * DAY + 1_000)
    },
  },
  {
    why: 'payloads-lost',
    when: 'the log has a gap',
    async happens() {
      await edit(1)
      await edit(2)
      app.airtable.controls.act({ do: 'forget-payloads', keep: 1 })
    },
  },
  {
    why: 'payloads-lost',
    when: 'the log is empty although something was announced',
    async happens() {
      await edit(1)
      app.airtable.controls.act({ do: 'forget-payloads' })
    },
  },
  {
    why: 'payloads-refused',
    when: 'the cursor is refused',
    async happens() {
      await edit(1)
      await edit(2)
      app.airtable.controls.act({ do: 'forget-payloads', keep: 1 })
      app.airtable.controls.set({ lostCursor: 'refuse' })
    },
  },
  {
    why: 'payloads-refused',
    when: 'the webhook was deleted',
    async happens() {
      await edit(1)
      await askHooks(app.airtable, `/${app.hook}`, { method: 'DELETE' })
    },
  },
  ...(
    [
      ['the key may not see webhooks', 'forbidden'],
      ['what answers for webhooks is not JSON', 'garbage'],
      ['what answers for webhooks has another shape', 'wrong-shape'],
    ] as const
  ).flatMap(([what, kind]) => [
    {
      why: 'payloads-refused',
      when: what,
      async happens() {
        await edit(1)
        await app.airtable.faults.set({ kind, match: '/webhooks' })
      },
    },
    {
      why: 'payloads-refused',
      when: `${what}, and this one has never been synced`,
      async happens() {
        await edit(1)
        await (await fieldRuntime().sharedRecords()).write('webhook', app.hook, null, 60)
        await app.airtable.faults.set({ kind, match: '/webhooks' })
      },
    },
  ]),
  ...['INTERNAL_ERROR', 'ONE_OF_THE_FUTURE'].map((code) => ({
    why: 'error-payload',
    when: `a payload is the error ${code}`,
    async happens() {
      await edit(1)
      payload({ error: true, code })
    },
  })),
  ...(['INVALID_FILTERS', 'INVALID_HOOK'] as const).map((code) => ({
    why: 'error-payload',
    when: `the webhook has ended with ${code}`,
    async happens() {
      await edit(1)
      app.airtable.controls.act({ do: 'invalidate', code })
    },
  })),
  {
    why: 'unknown-format',
    when: 'a payload is in a format of the future',
    async happens() {
      await edit(1)
      payload({ payloadFormat: 'v1' })
    },
  },
  {
    why: 'schema',
    when: 'a column was changed',
    async happens() {
      await edit(1)
      onTable({ changedFieldsById: { fldName: { current: { name: 'Nombre' } } } })
    },
  },
  {
    why: 'schema',
    when: 'a column was removed',
    async happens() {
      await edit(1)
      onTable({ destroyedFieldIds: ['fldOther'] })
    },
  },
  {
    why: 'not-a-list',
    when: 'the field has the order of the view',
    field: inViewOrder,
    happens: () => edit(1),
  },
  { why: 'not-a-list', when: 'the value is made of all records', field: count, happens: () => edit(1) },
  {
    why: 'table-by-name',
    when: 'the table is given by its name',
    field: airtableList({ ...declared, table: byName }) as AirtableField<unknown>,
    happens: () => edit(1),
  },
  {
    why: 'many-records',
    when: 'more records were touched than one request reads',
    limits: { mostRecords: 2 },
    happens: () => edit(1, 2, 3),
  },
  {
    why: 'many-records',
    when: 'more than a fifth of the view was touched',
    limits: { mostShare: 0.2 },
    happens: () => edit(1, 2),
  },
  {
    why: 'too-many-payloads',
    when: 'the log is longer than five pages',
    async happens() {
      app.airtable.controls.set({ splitPayloads: 10 })
      for (let writes = 0; writes < 32; writes += 1) await edit(1, 2, 3, 4, 5, 6, 7, 8)
    },
  },
  { why: 'small-view', when: 'the view is two requests', limits: { smallView: 200 }, happens: () => edit(1) },
  {
    why: 'reconcile',
    when: 'all was read more than a day ago',
    async happens() {
      await edit(1)
      app.pass(DAY + 1_000)
    },
  },
  {
    why: 'declared-anew',
    when: 'the field makes other items now',
    later: airtableList({
      ...declared,
      item: ({ id, fields }) => ({ id, name: `${fields.Name}!` }),
    }) as AirtableField<unknown>,
    happens: () => edit(1),
  },
  {
    why: 'declared-anew',
    when: 'the field asks for other columns now',
    later: airtableList({ ...declared, columns: ['Name', 'Team'] }) as AirtableField<unknown>,
    happens: () => edit(1),
  },
]

describe('a full read', () => {
  test.each(cases)(
    'when $when ($why)',
    async ({ why, happens, field = people, later = field, limits, unmarked }) => {
      if (unmarked) await cached(field)
      else await standing(field)
      await happens()
      app.pass(1_000)
      await app.drain([later], 'ping', { ...LIMITS, ...limits })
      expect(followed()).toEqual([why])
      expect(await cached(later)).toEqual(await refetched(later))
      expect(app.events.of('field.read').at(-1)?.status).toBe('hit')
    },
  )

  test('the cron reads the fields of a dead webhook in full, and syncs one whose pings are lost', async () => {
    await standing()
    await edit(1)
    expect((await app.cron([people], LIMITS)).webhooks).toMatchObject([{ outcome: 'alive', drained: true }])
    expect(await cached(people)).toEqual(await refetched(people))
    await edit(2)
    app.airtable.controls.act({ do: 'invalidate', code: 'INVALID_HOOK' })
    expect(await app.cron([people], LIMITS)).toMatchObject({
      webhooks: [{ outcome: 'dead' }],
      fields: [{ outcome: 'refreshed' }],
    })
    expect(app.events.of('webhook.dead')).toMatchObject([{ why: 'disabled' }])
    expect(await cached(people)).toEqual(await refetched(people))
  })

  test('a force leaves a mark from which the next change is synced', async () => {
    await standing()
    await edit(1)
    await readFieldCache(people, 'always')
    expect(await cached(people)).toEqual(await refetched(people))
    const store = await fieldRuntime().store()
    const text = (await store.read([store.names.entry('people')])).get(store.names.entry('people'))
    expect(decodeMark(decodeEntry(text ?? '')?.note)).toMatchObject({ hook: app.hook, pending: {} })
    await edit(2)
    await app.drain([people], 'ping', LIMITS)
    expect(followed()).toEqual(['records'])
    expect(await cached(people)).toEqual(await refetched(people))
  })
})

describe('the last good value stays', () => {
  test('the last good value stays when the table is gone, and an event says so', async () => {
    await standing()
    const before = await cached(people)
    payload({ destroyedTableIds: [TABLE.id] })
    await app.airtable.faults.set({ kind: 'unauthorized', match: TABLE.id })
    await expect(app.drain([people], 'ping', LIMITS)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    expect(followed()).toEqual(['schema'])
    expect(app.events.of('refresh.failed')).toMatchObject([{ reason: 'change' }])
    expect(await cached(people)).toEqual(before)
    await app.airtable.faults.clear()
    await app.drain([people], 'ping', LIMITS)
    expect(await cached(people)).toEqual(await refetched(people))
  })

  test('the last good value stays when the field does not accept an emptied list', async () => {
    const guarded = airtableList({
      ...declared,
      item: ({ id, fields }) =>
        String(fields.Name).startsWith('Edited') ? { id, name: String(fields.Name) } : null,
      advanced: { accept: (next) => next.length > 0 },
    }) as AirtableField<unknown>
    await edit(1)
    for (const position of [2, 3, 4, 5, 6, 7, 8]) await rename(position, 'Somebody')
    await standing(guarded)
    expect(await cached(guarded)).toHaveLength(1)
    await rename(1, 'Somebody')
    await expect(app.drain([guarded], 'ping', LIMITS)).rejects.toMatchObject({ code: 'SOURCE_INVALID' })
    expect(followed()).toEqual(['records'])
    expect(await cached(guarded)).toHaveLength(1)
    await edit(1)
    await app.drain([guarded], 'ping', LIMITS)
    expect(await cached(guarded)).toEqual(await refetched(guarded))
  })
})

async function rename(position: number, name: string): Promise<void> {
  app.pass(1_000)
  const body = { fields: { Name: name } }
  await askAirtable(app.airtable, `People/${person(position, {}).id}`, { method: 'PATCH', body })
}
