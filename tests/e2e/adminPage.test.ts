import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Overview } from '@/lib/admin/overview'
import { type AdminSession, sealSession } from '@/lib/http/auth/session'
import { ageEntry, card, fieldsTitle, openAdmin, refreshButton, signIn } from './support/adminPage'
import { ADMIN_TOKEN, type Backends, startBackends } from './support/backends'
import { launchBrowser } from './support/browser'
import { type NextProcess, startNext } from './support/nextProcess'

let backends: Backends
let app: NextProcess
let browser: Browser

beforeAll(async () => {
  backends = await startBackends()
  app = await startNext({ ...backends.env, CACHE_KEY_PREFIX: 'admin' })
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.stop()
  await backends.stop()
})
beforeEach(() => backends.airtable.faults.clear())

/** A browser with a session that ends after this many seconds. */
async function openWithSession(secondsLeft: number) {
  const context = await browser.newContext()
  const session: AdminSession = { id: 'a1b2c3d4e5f6a7b8', endsAt: Date.now() + secondsLeft * 1000 }
  await context.addCookies([
    { name: 'field-cache-admin', value: sealSession(session, ADMIN_TOKEN), url: app.url },
  ])
  const page = await context.newPage()
  await page.goto(`${app.url}/admin`)
  return { context, page }
}

async function openSignedIn() {
  const opened = await openAdmin(browser, app.url)
  await signIn(opened.page)
  await fieldsTitle(opened.page).waitFor()
  return opened
}

describe('the buttons of the admin page', () => {
  it('show every field, and refresh one whose age drops, with the keyboard alone', async () => {
    await fetch(`${app.url}/api/airtable/agents`)
    await ageEntry(backends.redis, 'admin:v1:agents_list', 7_000)
    const { context, page, complaints } = await openSignedIn()
    expect(await page.getByRole('article').count()).toBe(2)
    const agents = card(page, 'agents')
    await agents.getByText('1 h 56 min old, fresh for another 4 h 3 min of 6 h').waitFor()
    expect(await card(page, 'headcount').textContent()).toContain('Never fetched')

    await refreshButton(page, 'agents').focus()
    await page.keyboard.press('Enter')
    await agents.getByText(/agents was refreshed in .*: \d+ records/).waitFor()
    await agents.getByText(/^\d+ s old, fresh for another 5 h 59 min of 6 h/).waitFor()
    expect(await page.getByRole('status').textContent()).toMatch(/agents was refreshed/)
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Refresh agents')
    expect(complaints).toEqual([])
    await context.close()
  })

  it('refresh all with progress, one after the other, and go on when the page is closed', async () => {
    await backends.airtable.faults.set({ kind: 'slow', ms: 400 })
    const { context, page } = await openSignedIn()
    await page.getByRole('button', { name: 'Refresh all' }).click()
    await page.getByText(/0 of 2 done; agents is being refreshed/).waitFor()
    await page.getByText(/1 of 2 done; headcount is being refreshed/).waitFor()
    await context.close()
    const later = await openSignedIn()
    await later.page.getByText('Both fields were refreshed.').first().waitFor()
    await later.page.getByText('Both fields are fresh.').waitFor()
    await later.context.close()
  })

  it('say what happened when the source fails, while the list still shows', async () => {
    const { context, page } = await openSignedIn()
    await backends.airtable.faults.set({ kind: 'error' })
    await refreshButton(page, 'agents').click()
    const agents = card(page, 'agents')
    await agents.getByText('Failing').waitFor()
    await agents.getByText('Airtable failed, or could not be reached.').waitFor()
    await agents.getByText('Readers get this value at once.').waitFor()
    await page.getByText('agents could not be renewed.').first().waitFor()
    const list = await context.newPage()
    await list.goto(app.url)
    await list.locator('section li').first().waitFor()

    await backends.airtable.faults.clear()
    await refreshButton(page, 'agents').click()
    await agents.getByText('Fresh', { exact: true }).waitFor()
    await context.close()
  })
})

describe('the admin page', () => {
  it('reads again every five seconds, but not while it is hidden', async () => {
    const { context, page } = await openWithSession(3_600)
    await page.clock.install()
    await page.reload()
    await fieldsTitle(page).waitFor()
    let asked = 0
    page.on('request', (request) => {
      if (request.url().endsWith('/api/admin/overview')) asked += 1
    })
    const see = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, hidden)
    const fiveSecondsLater = async () => {
      await page.clock.runFor(5_000)
      return asked
    }
    await expect.poll(fiveSecondsLater).toBeGreaterThanOrEqual(3)
    await see(true)
    const before = asked
    await page.clock.runFor(60_000)
    expect(asked).toBe(before)
    await see(false)
    await expect.poll(() => asked).toBe(before + 1)
    await context.close()
  })

  it('says that the server cannot be reached, and goes on by itself', async () => {
    const { context, page } = await openSignedIn()
    await context.route('**/api/admin/overview', (route) => route.abort())
    await page.getByText(/The server cannot be reached. This is the state of/).waitFor()
    await context.unroute('**/api/admin/overview')
    await page.getByText('Live', { exact: true }).waitFor()
    await context.close()
  })

  it('tells what the fields did, as numbers, plots and tables', async () => {
    // An instance that has little to tell takes a minute.
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
    for (let count = 0; count < 3; count += 1)
      await fetch(`${app.url}/api/airtable/agents/refresh`, { method: 'POST', headers })
    const { context, page } = await openSignedIn()
    const agents = card(page, 'agents')
    await agents.getByText('Served at once').waitFor()
    await expect
      .poll(async () => Number(await agents.locator('dt:text("Reads in 24 h") + dd').textContent()), {
        timeout: 40_000,
      })
      .toBeGreaterThanOrEqual(3)
    const plot = page.getByRole('figure').filter({ hasText: 'Calls of the source' })
    await plot.getByText('As a table').click()
    expect(await plot.getByRole('row').count()).toBe(62)
    await page.getByRole('radio', { name: '24 hours' }).check()
    expect(await plot.getByRole('row').count()).toBe(26)
    expect(await page.getByRole('img').count()).toBe(4)
    await context.close()
  })
})

describe('the sign-in of the admin page', () => {
  it('refuses wrong tokens, answers a few of them only, and lets the right one in all the same', async () => {
    const { context, page } = await openAdmin(browser, app.url)
    for (let count = 0; count < 5; count += 1) {
      await signIn(page, `wrong-token-number-${count}`)
      await page.getByText('This is not the admin token.').waitFor()
      await expect
        .poll(() => page.getByRole('button', { name: 'Sign in' }).getAttribute('aria-disabled'))
        .toBe('false')
    }
    await signIn(page, 'yet-another-wrong-token')
    await page.getByText(/Too many wrong tokens/).waitFor()
    expect(await context.cookies()).toEqual([])
    await signIn(page)
    await fieldsTitle(page).waitFor()
    await context.close()
  })

  it('keeps session and secrets from scripts, from the page and from URLs', async () => {
    const { context, page } = await openSignedIn()
    const [cookie] = await context.cookies()
    expect(cookie).toMatchObject({ name: 'field-cache-admin', httpOnly: true, sameSite: 'Strict', path: '/' })
    expect(await page.evaluate(() => document.cookie)).toBe('')
    const seen =
      (await page.content()) + page.url() + JSON.stringify(await page.evaluate('({ ...localStorage })'))
    for (const secret of [
      ADMIN_TOKEN,
      backends.redis.token,
      cookie?.value ?? '',
      backends.env.CRON_SECRET ?? '',
    ])
      expect(seen).not.toContain(secret)
    await context.close()
  })

  it('closes by itself when the session has ended', async () => {
    const over = await openWithSession(-1)
    await over.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await over.context.close()
    const { context, page } = await openWithSession(4)
    await fieldsTitle(page).waitFor()
    await page.getByText('Your session has ended. Sign in again.').waitFor({ timeout: 15_000 })
    await signIn(page)
    await fieldsTitle(page).waitFor()
    await context.close()
  })

  it('signs out for good: a copy of the cookie opens nothing afterwards', async () => {
    const { context, page } = await openSignedIn()
    const [cookie] = await context.cookies()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await context.cookies()).toEqual([])
    const headers = { cookie: `${cookie?.name}=${cookie?.value}` }
    expect((await fetch(`${app.url}/api/admin/overview`, { headers })).status).toBe(401)
    await context.close()
  })

  it('knows who comes back by a link on another site, whose cookie the browser keeps back', async () => {
    const { context, page } = await openSignedIn()
    await page.goto(app.url.replace('127.0.0.1', 'localhost'))
    await page.evaluate((url) => location.assign(url), `${app.url}/admin`)
    await fieldsTitle(page).waitFor()
    await context.close()
  })

  it('stays closed, without details, while no token is set', async () => {
    const closed = await startNext({ ...backends.env, ADMIN_TOKEN: '' })
    const { context, page } = await openAdmin(browser, closed.url)
    await page.getByRole('heading', { name: 'This page is closed' }).waitFor()
    expect(await page.getByRole('main').textContent()).not.toContain('ADMIN_TOKEN')
    await context.close()
    await closed.stop()
  })
})

it('a thousand wrong tokens cost no command and no 5xx, and do not lock out the right one', async () => {
  const { context, page } = await openAdmin(browser, app.url)
  const caught = page.waitForRequest((request) => request.method() === 'POST')
  await signIn(page, 'a-wrong-token-to-be-sent-again')
  const request = await caught
  const { 'next-action': action = '', 'content-type': type = '', origin = '' } = await request.allHeaders()
  const body = new Uint8Array(request.postDataBuffer() ?? [])
  const headers = { 'next-action': action, 'content-type': type, origin, accept: 'text/x-component' }
  backends.redis.upstash.resetCounters()
  const statuses = new Set<number>()
  const guess = async () => {
    for (let count = 0; count < 50; count += 1) {
      const response = await fetch(`${app.url}/admin`, { method: 'POST', headers, body })
      statuses.add(response.status)
      await response.arrayBuffer()
    }
  }
  const guessing = Array.from({ length: 20 }, guess)
  const other = await openSignedIn()
  await Promise.all(guessing)
  expect([...statuses]).toEqual([200])
  // What the page of the one who got in asks, and the metrics.
  expect(backends.redis.upstash.counters.commands).toBeLessThan(200)
  expect(app.output().match(/admin.refused/g)?.length ?? 0).toBeLessThan(100)
  await other.context.close()
  await context.close()
})

describe('a Server Action', () => {
  it('does nothing for a caller without a session of its own site', async () => {
    const { context, page } = await openSignedIn()
    const caught = page.waitForRequest((request) => request.method() === 'POST')
    await refreshButton(page, 'agents').click()
    const request = await caught
    await request.response()
    const stateOfRun = async () => {
      const answer = await context.request.get(`${app.url}/api/admin/overview`)
      return ((await answer.json()) as Overview).fields.find(({ name }) => name === 'agents')?.run?.state
    }
    await expect.poll(stateOfRun).toBe('refreshed')
    const sent = await request.allHeaders()
    const body = new Uint8Array(request.postDataBuffer() ?? [])
    const replay = async (changes: Record<string, string>) => {
      const kept = ['next-action', 'content-type', 'accept', 'cookie', 'origin', 'next-router-state-tree']
      const headers = Object.fromEntries(kept.flatMap((name) => (sent[name] ? [[name, sent[name]]] : [])))
      const response = await fetch(`${app.url}/admin`, {
        method: 'POST',
        headers: { ...headers, ...changes },
        body,
      })
      return { status: response.status, text: await response.text() }
    }
    const before = backends.airtable.counters.requests
    expect((await replay({ cookie: '' })).text).toContain('signed-out')
    expect((await replay({ cookie: 'field-cache-admin=forged' })).text).toContain('signed-out')
    expect((await replay({ 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await replay({ origin: 'http://evil.example' })).status).toBe(403)
    expect(backends.airtable.counters.requests).toBe(before)
    expect((await replay({})).text).toContain('begun')
    await expect.poll(() => backends.airtable.counters.requests).toBeGreaterThan(before)
    await context.close()
  })
})
