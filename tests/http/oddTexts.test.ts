/** Texts that a spreadsheet can hold, and that a page, a URL or an object cannot take as they are. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { GET as getByName } from '@/app/api/fields/[name]/route'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import type { AirtableServer } from '@/local/airtable/server'
import { AGENTS_VIEW, PEOPLE_TABLE } from '@/local/data/people'
import { person } from '../kit/airtable/fivePeople'
import { startTestAirtable } from '../kit/airtable/testAirtable'
import { appEnvironment, setEnvironment } from '../kit/process/environment'
import { redisForThisFile } from '../kit/redis/redisSuite'

const ADMIN = 'admin-token-of-the-tests'
const redis = redisForThisFile()
let airtable: AirtableServer

const INVISIBLE = [
  '\u200b',
  '\ufeff\u00a0',
  '\u2060\u200d',
  '\u3164',
  '\u2800',
  '\u202e\u202c',
  '\u0000',
  '\u{e0020}',
  '\ufe0f',
]
const HALF = '\ud83d'
const NAMES = [`Ada ${HALF}`, `${HALF} Bea`, 'Cleo 👩‍💻', '\u202eDora', 'Eva \\ud83d', 'Fay \\ude00\ude00']
const STATES = ['__proto__', '__proto__', 'constructor', 'TO', '\u200b', `T${HALF}`]

beforeAll(async () => {
  airtable = await startTestAirtable({
    tables: [
      {
        ...PEOPLE_TABLE,
        fields: { Nombre: 'singleLineText', Estado: 'singleLineText' },
        views: [AGENTS_VIEW],
        records: [
          ...NAMES.map((Nombre, at) => person(at, { Nombre, Estado: STATES[at] })),
          ...INVISIBLE.map((Nombre, at) => person(100 + at, { Nombre, Estado: 'TO' })),
        ],
      },
    ],
  })
  setEnvironment({ ...appEnvironment(redis, airtable), ADMIN_TOKEN: ADMIN })
  await initCoreServices(['cache', 'airtable'])
})
afterAll(() => airtable.close())
beforeEach(() => redis.flushButBudget())

/** Out of the source first, out of Redis or memory then. */
async function answered(name: string): Promise<string[]> {
  const answers: string[] = []
  for (const status of ['miss', 'hit']) {
    const headers = { authorization: `Bearer ${ADMIN}` }
    const request = new Request(`http://localhost/api/fields/${name}`, { headers })
    const response = await getByName(request, { params: Promise.resolve({ name }) })
    expect([response.status, response.headers.get('x-field-cache')]).toEqual([200, status])
    answers.push(await response.text())
  }
  return answers
}

it('counts a state called __proto__ like every other one, and a blank one as unknown', async () => {
  for (const text of await answered('headcount')) {
    const { total, byState } = JSON.parse(text) as { total: number; byState: object }
    expect(Object.entries(byState).sort()).toEqual([
      ['TO', 1 + INVISIBLE.length],
      ['T\ufffd', 1],
      ['__proto__', 2],
      ['constructor', 1],
      ['unknown', 1],
    ])
    expect(total).toBe(STATES.length + INVISIBLE.length)
  }
})

it('replaces half an emoji in a name by one character, and changes nothing else', async () => {
  for (const text of await answered('agents')) {
    const names = (JSON.parse(text) as { name: string }[]).map(({ name }) => name)
    expect(names.every((name) => name.isWellFormed())).toBe(true)
    expect(names.toSorted()).toEqual(
      ['Ada \ufffd', '\ufffd Bea', 'Cleo 👩‍💻', '\u202eDora', 'Eva \\ud83d', 'Fay \\ude00\ufffd'].sort(),
    )
  }
})
