import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Agent } from '@/lib/core-services/cache/fieldCacheConfigs'
import { AGENTS_VIEW, PEOPLE_TABLE } from '@/local/data/people'
import { person } from '../kit/airtable/fivePeople'
import { startTestAirtable } from '../kit/airtable/testAirtable'
import { type Backends, startBackends } from './support/backends'
import { DESKTOP, launchBrowser, openPage, PHONE, screenshot } from './support/browser'
import { type NextProcess, startNext } from './support/nextProcess'

let backends: Backends
let app: NextProcess
let browser: Browser

beforeAll(async () => {
  backends = await startBackends()
  app = await startNext(backends.env)
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.stop()
  await backends.stop()
})

it.each([
  ['desktop', DESKTOP, 'light'],
  ['phone', PHONE, 'dark'],
] as const)(
  'shows every agent in order, without a complaint, on a %s',
  async (name, viewport, colorScheme) => {
    const { page, complaints } = await openPage(browser, app.url, { viewport, colorScheme })
    await page.getByRole('heading', { name: 'Sales agents' }).waitFor()
    await page.locator('section li').first().waitFor()
    const shown = await page.locator('section li').allTextContents()
    const agents = (await (await fetch(`${app.url}/api/airtable/agents`)).json()) as Agent[]
    expect(shown).toEqual(agents.map((agent) => agent.name))
    expect(await page.locator('.facts').textContent()).toMatch(/Agents\d+Age\d+ (s|min)Cache(miss|hit)/)
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(overflow).toBeLessThanOrEqual(0)
    expect(complaints).toEqual([])
    await screenshot(page, `agents-${name}`)
    await page.close()
  },
)

it('the list shows names that hold half an emoji, marks of direction or nothing at all as its browser makes them', async () => {
  const table = { ...PEOPLE_TABLE, fields: { Nombre: 'singleLineText', Estado: 'singleLineText' } }
  const names = [
    'Ada \ud83d',
    '\ud83dBea',
    '\u202eCleo',
    '\u200bDora',
    'Eva\r\nFay\u0000',
    '<b>Gil',
    '\u200b',
    '\u3164',
  ]
  const odd = await startTestAirtable({
    tables: [{ ...table, views: [AGENTS_VIEW], records: names.map((Nombre, at) => person(at, { Nombre })) }],
  })
  const server = await startNext({ ...backends.env, AIRTABLE_ENDPOINT_URL: odd.url, CACHE_KEY_PREFIX: 'odd' })
  const { page, complaints } = await openPage(browser, server.url, { viewport: PHONE })
  await page.locator('section li').first().waitFor()
  await page.waitForFunction(() => document.readyState === 'complete')
  expect((await page.locator('section li').allTextContents()).length).toBe(6)
  expect(new Set(await page.locator('section h2').allTextContents())).toEqual(
    new Set(['A', '\ufffd', 'C', 'D', 'E', '<']),
  )
  expect(complaints).toEqual([])
  await screenshot(page, 'agents-odd')
  await page.close()
  await server.stop()
  await odd.close()
})

it('the page of the list says so when the list cannot be loaded, instead of failing', async () => {
  const withoutSource = await startNext({
    ...backends.env,
    AIRTABLE_API_KEY: 'patWrong',
    CACHE_KEY_PREFIX: 'empty',
  })
  const { page } = await openPage(browser, withoutSource.url, { viewport: PHONE })
  await page.getByText('The list cannot be loaded at the moment').waitFor()
  await screenshot(page, 'agents-unavailable')
  await page.close()
  await withoutSource.stop()
})
