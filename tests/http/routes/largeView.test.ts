import { createServer, type Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { GET as getAgents } from '@/app/api/airtable/agents/route'
import { POST as receive } from '@/app/api/webhooks/airtable/route'
import { type Agent, agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { generatePeople } from '@/local/data/people'
import { closeServer, HOST, listenOnLoopback } from '@/local/loopback'
import { BASE, changesAppForThisFile } from '../../kit/airtable/changesApp'
import { person } from '../../kit/airtable/fivePeople'
import { refetched } from '../../kit/airtable/refetched'
import { askAirtable } from '../../kit/airtable/testAirtable'
import { setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const RECORDS = 10_000
const people = generatePeople()
const agent = (index: number) => person(index, { Nombre: `Agent ${index}`, Cargo: 'Agente', Estado: 'AV' })
const records = Array.from({ length: RECORDS }, (_, index) => agent(index + 1))
const redis = redisForThisFile()

let site: Server
/** What Airtable's pings reach: the route, as Next would call it. */
async function startSite(): Promise<string> {
  site ??= createServer(async (incoming, outgoing) => {
    const headers = { 'x-airtable-content-mac': String(incoming.headers['x-airtable-content-mac']) }
    const body = await buffer(incoming)
    const { status } = await receive(new Request('http://localhost/', { method: 'POST', headers, body }))
    outgoing.writeHead(status).end()
  })
  if (!site.listening) await listenOnLoopback(site, 0)
  return `http://${HOST}:${Object(site.address()).port}/api/webhooks/airtable`
}
const app = changesAppForThisFile(redis, [{ ...people, records }], startSite)
afterAll(() => closeServer(site))

async function agents(): Promise<Agent[]> {
  const response = await getAgents(new Request('http://localhost/api/airtable/agents'))
  expect(response.status).toBe(200)
  return (await response.json()) as Agent[]
}

async function ask(path: string, method: string, fields?: Record<string, unknown>): Promise<{ id: string }> {
  app.pass(1_000)
  const answer = await askAirtable(app.airtable, path, { method, ...(fields ? { body: { fields } } : {}) })
  expect(answer.status).toBe(200)
  return answer.body as { id: string }
}

interface Change {
  what: string
  make(): Promise<unknown>
  /** What has to have ended for it to be visible. */
  seen?: 'ping' | 'recheck'
  isVisible(list: Agent[]): boolean
  /** Of Airtable, until all is done. */
  requests?: number
}

const drains = (cause: string) =>
  app.events.of('webhook.processed').filter((event) => event.cause === cause).length
const soon = { interval: 20 }

beforeEach(async () => {
  setEnvironment({ AIRTABLE_RRHH_BASE_ID: BASE, AIRTABLE_RRHH_PEOPLE_TABLE_ID: people.id })
  // Its first ping makes the webhook known.
  await expect.poll(() => drains('ping'), soon).toBe(1)
  // What is still being read then would be looked at once more: that has to be over before time passes.
  await expect.poll(() => drains('recheck'), soon).toBe(1)
  app.pass(60_000)
}, 60_000)

describe('a view of 10,000 records', () => {
  it('shows each change after its ping, for three requests instead of a hundred, and is what a full refetch gives', async () => {
    app.airtable.resetCounters()
    expect(await agents()).toHaveLength(RECORDS)
    expect(app.airtable.counters.byKind).toEqual({ list: RECORDS / 100 })

    let created = ''
    const one = agent(4_321).id
    const isLast = (list: Agent[]) => list.at(-1)?.id === one
    const changes: Change[] = [
      { what: 'renamed', make: () => ask(`People/${one}`, 'PATCH', { Nombre: 'Zoe' }), isVisible: isLast },
      {
        what: 'created',
        async make() {
          created = (await ask('People', 'POST', { Nombre: 'Ada', Cargo: 'Agente' })).id
        },
        isVisible: (list) => list[0]?.id === created,
      },
      {
        // What a read does not show is believed to be gone the second time.
        what: 'left the view',
        seen: 'recheck',
        make: () => ask(`People/${one}`, 'PATCH', { Cargo: 'Administración' }),
        isVisible: (list) => list.length === RECORDS && !list.some(({ id }) => id === one),
      },
      {
        what: 'entered the view',
        make: () => ask(`People/${one}`, 'PATCH', { Cargo: 'Agente' }),
        isVisible: isLast,
      },
      {
        what: 'deleted',
        requests: 1,
        make: () => ask(`People/${created}`, 'DELETE'),
        isVisible: (list) => list.length === RECORDS && !list.some(({ id }) => id === created),
      },
    ]
    for (const { what, make, isVisible, seen = 'ping', requests = 3 } of changes) {
      app.pass(60_000)
      const before = { ping: drains('ping'), recheck: drains('recheck') }
      app.airtable.resetCounters()
      await make()
      await expect.poll(() => drains(seen) - before[seen], soon).toBe(1)
      app.pass(1_000)
      expect({ what, visible: isVisible(await agents()) }).toEqual({ what, visible: true })
      // Nothing is looked at once more that is known to be gone.
      if (requests > 1) await expect.poll(() => drains('recheck') - before.recheck, soon).toBe(1)
      const { update = 0, create = 0, delete: deleted = 0, ...reads } = app.airtable.counters.byKind
      const counted = Object.values(reads).reduce((sum, count) => sum + count, 0)
      expect({ what, writes: update + create + deleted, counted }).toEqual({
        what,
        writes: 1,
        counted: requests,
      })
      expect(await agents()).toEqual(await refetched(agentsCacheConfig))
    }
    expect(app.events.of('field.synced').map(({ how }) => how)).not.toContain('all')
  }, 300_000)
})
