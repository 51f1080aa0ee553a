import { execFile } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createWebhooksApi } from '@/lib/core-services/airtable/webhooksApi'
import type { AirtableServer } from '@/local/airtable/server'
import type { Context } from '@/scripts/airtableWebhook/context'
import { runCommand } from '@/scripts/airtableWebhook/run'
import { airtableClient } from '../kit/airtable/airtableClient'
import { createHook, listHooks } from '../kit/airtable/airtableHooks'
import { fivePeople, startFivePeople } from '../kit/airtable/fivePeople'

const baseId = 'appTest0000000001'
const COPY = 'tblCopy0000000001'
const URL = 'https://app.example/api/webhooks/airtable'
const DAY_MS = 86_400_000

let airtable: AirtableServer
let clock: { now: number }
let printed: string[]
let context: Context

beforeEach(async () => {
  clock = { now: 0 }
  printed = []
  airtable = await startFivePeople(clock)
  // No server answers at the URL of these tests.
  airtable.controls.set({ holdPings: true })
  context = {
    api: createWebhooksApi(await airtableClient(airtable)),
    tables: [
      { baseId, tableId: fivePeople.id },
      { baseId, tableId: COPY },
    ],
    secrets: new Map(),
    standIn: false,
    now: () => Date.now() + clock.now,
    print: (text) => printed.push(text),
  }
})
afterEach(() => airtable.close())

const run = (command: string, { url, table = [] }: { url?: string; table?: string[] } = {}) =>
  runCommand(command.split(' '), { url, tables: table }, async () => context)
const output = () => printed.join('\n')
const pairs = () => /^AIRTABLE_WEBHOOK_SECRETS=(.*)$/m.exec(output())?.[1]?.split(',') ?? []
/** As if the environment had the secrets that were printed. */
const adoptSecrets = () => {
  context.secrets = new Map(pairs().map((pair) => [pair.split(':')[0] ?? '', Buffer.from('secret-key')]))
}

describe('create', () => {
  it('makes a webhook for each table that fields read, and prints each secret once, ready for the environment', async () => {
    expect(await run('create', { url: URL })).toBe(0)
    expect(await listHooks(airtable)).toMatchObject(
      [fivePeople.id, COPY].map((recordChangeScope) => ({
        notificationUrl: URL,
        specification: {
          options: { filters: { dataTypes: ['tableData', 'tableFields'], recordChangeScope } },
        },
      })),
    )
    expect(pairs()).toEqual([
      expect.stringMatching(/^ach\w{14}:[\w+/]{43}=$/),
      expect.stringMatching(/^ach\w{14}:[\w+/]{43}=$/),
    ])
    for (const pair of pairs()) expect(output().split(pair.split(':')[1] ?? '')).toHaveLength(2)
    printed.length = 0
    await run('status')
    expect(output()).not.toMatch(/[\w+/]{43}=/)
  })

  it('makes one for the table that is named', async () => {
    await run('create', { url: URL, table: [COPY] })
    expect(await listHooks(airtable)).toHaveLength(1)
    expect(output()).toContain(`watches table ${COPY} of base ${baseId}`)
  })

  it('does without changes of columns where the token may not read the schema', async () => {
    await airtable.faults.set({ kind: 'forbidden', match: 'tableFields' })
    await run('create', { url: URL, table: [COPY] })
    expect(output()).toContain('no scope schema.bases:read')
    expect(await listHooks(airtable)).toMatchObject([
      { specification: { options: { filters: { dataTypes: ['tableData'] } } } },
    ])
  })

  it('prints the secrets of what it has made even if the rest fails', async () => {
    await airtable.faults.set({ kind: 'error', match: `^POST .*${COPY}` })
    await expect(run('create', { url: URL })).rejects.toMatchObject({ code: 'AIRTABLE_UNAVAILABLE' })
    expect(pairs()).toHaveLength(1)
  })

  it('says how to add to secrets that are there already', async () => {
    context.secrets = new Map([['ach1', Buffer.from('secret-key')]])
    await run('create', { url: URL, table: [COPY] })
    expect(output()).toContain('with a comma between')
  })

  it('makes no second one for the same table and URL, unless the first is dead', async () => {
    await run('create', { url: URL, table: [COPY] })
    const [first] = await listHooks(airtable)
    await expect(run('create', { url: URL })).rejects.toMatchObject({
      message: expect.stringContaining(String(first?.id)),
      hint: expect.stringContaining(`delete ${first?.id}`),
    })
    expect(await listHooks(airtable)).toHaveLength(1)
    airtable.controls.act({ do: 'expire' })
    expect(await run('create', { url: URL, table: [COPY] })).toBe(0)
  })

  it('says what to do when the base has ten', async () => {
    for (let count = 1; count <= 10; count += 1) await createHook(airtable)
    await expect(run('create', { url: URL })).rejects.toMatchObject({
      code: 'AIRTABLE_WEBHOOKS_FULL',
      hint: expect.stringContaining('delete <id>'),
    })
    expect(output()).toBe('')
  })

  it.each([
    [undefined, '--url is missing'],
    ['app.example', 'is no URL'],
    ['http://app.example/api/webhooks/airtable', 'https://'],
    ['https://user:word@app.example/api/webhooks/airtable', 'user or a password'],
    ['https://app.example', 'the site alone'],
  ])('refuses the URL %s', async (url, problem) => {
    const refused = run('create', url === undefined ? {} : { url })
    await expect(refused).rejects.toMatchObject({
      code: 'USAGE_INVALID',
      message: expect.stringContaining(problem),
    })
    expect(airtable.counters.requests).toBe(0)
  })

  it('takes http:// for what stands in for Airtable', async () => {
    context.standIn = true
    expect(await run('create', { url: 'http://127.0.0.1:9/api/webhooks/airtable', table: [COPY] })).toBe(0)
  })

  it.each([
    [['People'], '"People" is not the id of a table'],
    [['tblNobody000000001'], 'No configured field reads table tblNobody000000001'],
  ])('refuses the tables %s', async (table, problem) => {
    await expect(run('create', { url: URL, table })).rejects.toMatchObject({
      message: expect.stringContaining(problem),
      hint: expect.stringContaining('tbl'),
    })
    expect(airtable.counters.requests).toBe(0)
  })

  it('needs tables by id in the environment, too, and at least one', async () => {
    context.tables = [{ baseId, tableId: 'People' }]
    await expect(run('create', { url: URL })).rejects.toThrow('"People" is not the id of a table')
    context.tables = []
    await expect(run('create', { url: URL })).rejects.toThrow('No configured field reads a table')
  })
})

describe('list and status', () => {
  it('tell that there are none', async () => {
    expect([await run('list'), await run('status')]).toEqual([0, 0])
    expect(printed).toEqual(['There are no webhooks.', 'There are no webhooks.'])
  })

  it('tell each webhook, also those of others', async () => {
    await run('create', { url: URL, table: [COPY] })
    const { id } = await createHook(airtable)
    printed.length = 0
    await run('list')
    expect(printed).toEqual([
      expect.stringMatching(new RegExp(`^ach\\w+ {2}${baseId} {2}${COPY} {2}${URL}$`)),
      `${id}  ${baseId}  the whole base  without a URL`,
    ])
  })

  it('status tells how each is and whether its secret is there', async () => {
    await run('create', { url: URL, table: [COPY] })
    adoptSecrets()
    const [id] = context.secrets.keys()
    printed.length = 0
    expect(await run('status')).toBe(0)
    expect(output().replace(/until \S+Z/, 'until then')).toBe(
      [
        id,
        `  watches      ${COPY} in base ${baseId}`,
        '  life         until then, 7.0 days from now',
        `  pings        on, to ${URL}`,
        '  last ping    none yet',
        '  next change  number 1',
        '  secret       in AIRTABLE_WEBHOOK_SECRETS',
      ].join('\n'),
    )
  })

  it.each([
    ['has expired', () => airtable.controls.act({ do: 'expire' }), 'dead: create another one'],
    [
      'no longer pings',
      () => airtable.controls.act({ do: 'disable-notifications' }),
      'off: the cron switches',
    ],
    [
      'is not heard',
      async () => {
        airtable.controls.set({ holdPings: false })
        await expect.poll(async () => (await listHooks(airtable))[0]?.lastNotificationResult).not.toBeNull()
      },
      'failed: fetch failed; it will be tried again',
    ],
    [
      'is gone',
      async () => {
        await run(`delete ${[...context.secrets.keys()][0]}`)
      },
      'there is no such webhook',
    ],
  ])('status ends with 1 when one of ours %s', async (_, happen, told) => {
    context.standIn = true
    await run('create', { url: 'http://127.0.0.1:9/api/webhooks/airtable', table: [COPY] })
    adoptSecrets()
    await happen()
    printed.length = 0
    expect(await run('status')).toBe(1)
    expect(output()).toContain(told)
  })

  it('status does not mind webhooks of others', async () => {
    await createHook(airtable)
    airtable.controls.act({ do: 'expire' })
    expect(await run('status')).toBe(0)
    expect(output()).toContain('not in AIRTABLE_WEBHOOK_SECRETS')
  })
})

describe('refresh and delete', () => {
  it('refresh gives seven days to ours, or to the one that is named', async () => {
    await run('create', { url: URL, table: [COPY] })
    adoptSecrets()
    const { id } = await createHook(airtable)
    clock.now += 5 * DAY_MS
    await run('refresh')
    const daysLeft = async () =>
      (await listHooks(airtable)).map(({ expirationTime }) =>
        Math.round((Date.parse(String(expirationTime)) - context.now()) / DAY_MS),
      )
    expect(await daysLeft()).toEqual([7, 2])
    await run(`refresh ${id}`)
    expect(await daysLeft()).toEqual([7, 7])
  })

  it('delete deletes the one that is named, and reminds of its secret', async () => {
    await run('create', { url: URL })
    adoptSecrets()
    const [id] = context.secrets.keys()
    printed.length = 0
    await run(`delete ${id}`)
    expect(printed).toEqual([`${id} is deleted. Take it out of AIRTABLE_WEBHOOK_SECRETS as well.`])
    expect(await listHooks(airtable)).toHaveLength(1)
  })

  it.each([
    ['refresh', 'no webhook whose secret'],
    ['refresh achNobody', 'no webhook achNobody in base'],
    ['delete achNobody', 'no webhook achNobody in base'],
    ['delete', 'needs the id'],
  ])('%s says what is missing', async (command, problem) => {
    await expect(run(command)).rejects.toThrow(problem)
  })
})

describe('the command line', () => {
  it.each([
    ['remove', {}, 'There is no command "remove"'],
    ['constructor', {}, 'There is no command'],
    ['list all', {}, 'list does not take "all"'],
    ['delete ach1 ach2', {}, 'delete does not take "ach2"'],
    ['status', { url: URL }, 'takes neither --url nor --table'],
  ])('%s %j is refused before a request is sent', async (command, options, problem) => {
    await expect(run(command, options)).rejects.toThrow(problem)
    expect(airtable.counters.requests).toBe(0)
  })

  it('does the same as a program, with the environment that it is started in', async () => {
    const program = (...args: string[]) =>
      new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
        const child = execFile(
          process.execPath,
          ['--import', 'tsx', 'scripts/airtableWebhook.ts', ...args],
          {
            env: {
              ...process.env,
              AIRTABLE_API_KEY: airtable.apiKey,
              AIRTABLE_ENDPOINT_URL: airtable.url,
              AIRTABLE_RRHH_BASE_ID: baseId,
              AIRTABLE_RRHH_PEOPLE_TABLE_ID: fivePeople.id,
            },
          },
          (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
        )
      })
    const created = await program('create', '--url', 'http://127.0.0.1:9/api/webhooks/airtable')
    expect(created).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/AIRTABLE_WEBHOOK_SECRETS=ach\w+:/),
    })
    expect(await listHooks(airtable)).toMatchObject([
      { notificationUrl: 'http://127.0.0.1:9/api/webhooks/airtable' },
    ])
    const refused = await program('delete')
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('delete needs the id'),
    })
  })
})
