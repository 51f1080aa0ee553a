/** The app on hosts that are not its own: below a path, as a standalone server, and behind a proxy that changes the host. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seriousProblems } from './support/accessibility'
import { fieldsTitle, openAdmin, refreshButton, signIn } from './support/adminPage'
import { ADMIN_TOKEN, type Backends, CRON_SECRET, startBackends } from './support/backends'
import { DESKTOP, launchBrowser, openPage, PHONE, screenshot } from './support/browser'
import { startHostChanger } from './support/hostChanger'
import { buildStandalone } from './support/hostedBuild'
import { type NextProcess, startStandalone } from './support/nextProcess'
import { signInByForm, signInFields, visit } from './support/visitor'

const BASE = '/shop'
let backends: Backends
let browser: Browser
let server: string
let app: NextProcess

const start = (variables: Record<string, string> = {}) =>
  startStandalone(server, { ...backends.env, CACHE_KEY_PREFIX: 'hosted', ...variables })

beforeAll(async () => {
  server = await buildStandalone(BASE)
  backends = await startBackends()
  app = await start()
  browser = await launchBrowser()
}, 300_000)
afterAll(async () => {
  await browser.close()
  await app.stop()
  await backends.stop()
})

describe('below a path, from a standalone server', () => {
  it('the list shows, under its policy, with a link to the JSON that leads there', async () => {
    const { page, complaints } = await openPage(browser, app.url + BASE, { viewport: DESKTOP })
    await page.locator('section li').first().waitFor()
    const { headers } = await fetch(app.url + BASE)
    expect(headers.get('content-security-policy')).toContain("script-src 'nonce-")
    await page.getByRole('link', { name: `${BASE}/api/airtable/agents` }).click()
    await page.waitForURL(`${app.url}${BASE}/api/airtable/agents`)
    expect(await page.textContent('body')).toContain('"name":')
    expect(complaints).toEqual([])
    await page.close()
  })

  it('the admin page signs in, goes on asking the server, refreshes a field, and signs out', async () => {
    const { context, page, complaints } = await openAdmin(browser, app.url + BASE)
    await signIn(page)
    await fieldsTitle(page).waitFor()
    const asked = await page.waitForResponse(`**${BASE}/api/admin/overview`)
    expect(asked.status()).toBe(200)
    expect(await page.locator('.link').textContent()).toBe('Live')
    await refreshButton(page, 'agents').click()
    await page
      .getByText(/agents was refreshed in .*: \d+ records/)
      .first()
      .waitFor()
    await screenshot(page, 'admin-below-a-path')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })

  it('a page that does not exist leads back to the list', async () => {
    const { page } = await openPage(browser, `${app.url}${BASE}/no-such-page`, { viewport: DESKTOP })
    await page.getByRole('link').click()
    await page.waitForURL(app.url + BASE)
    await page.close()
  })

  it.each([
    ['GET', '/api/health', 200],
    ['GET', '/api/fields/agents', 200],
    ['GET', '/icon.svg', 200],
    ['GET', '/no-such-page', 404],
    ['GET', '/api/no-such-route', 404],
    ['POST', '', 405],
    ['POST', '/admin', 403],
    ['POST', '/no-such-page', 405],
    ['POST', '/_next/imagex', 405],
    ['POST', '/api/no-such-route', 404],
  ])('%s of %s inside of it is answered with %i', async (method, path, status) => {
    const headers = method === 'POST' ? { 'content-type': 'multipart/form-data' } : {}
    expect((await visit(app.url, BASE + path, { method, headers })).status).toBe(status)
  })

  it.each(['/', '/admin', '/api/health', '/shopping', '/_next/imagex', '/_next/static/x.js'])(
    'nothing is served at %s outside of it, and calls of Server Actions fail nowhere',
    async (path) => {
      const before = app.output().length
      const broken = { method: 'POST', headers: { 'content-type': 'multipart/form-data' }, body: 'x' }
      for (const sent of [{}, broken]) {
        const { status, text, headers } = await visit(app.url, path, sent)
        expect([status, headers['x-frame-options']]).toEqual([404, 'DENY'])
        expect(text).toContain(`the app is served at ${BASE}/`)
      }
      expect(app.output().slice(before)).toBe('')
    },
  )

  it('the cron is called below that path', async () => {
    const headers = { authorization: `Bearer ${CRON_SECRET}` }
    expect((await visit(app.url, `${BASE}/api/cron/refresh`, { headers })).status).toBe(200)
  })
})

describe('behind a proxy that changes the host', () => {
  it('signing in says what to set, in the page and in the log, and works once it is set', async () => {
    const proxy = await startHostChanger(() => app.url)
    const mend = `APP_ORIGINS=${proxy.url}`
    for (const [name, viewport, colorScheme] of [
      ['desktop-light', DESKTOP, 'light'],
      ['desktop-dark', DESKTOP, 'dark'],
      ['phone-light', PHONE, 'light'],
      ['phone-dark', PHONE, 'dark'],
    ] as const) {
      const { context, page } = await openAdmin(browser, proxy.url + BASE, { viewport, colorScheme })
      await signIn(page)
      await page.getByText(mend).waitFor()
      expect(await seriousProblems(page)).toEqual([])
      await screenshot(page, `refused-origin-${name}`)
      await context.close()
    }
    expect(app.output()).toMatch(/"event":"origin\.refused".*"host":"app\.internal:3000"/)
    expect(app.output()).toContain(mend)

    const trusting = await start({ APP_ORIGINS: proxy.url })
    const before = app
    app = trusting
    await before.stop()
    const { context, page, complaints } = await openAdmin(browser, proxy.url + BASE)
    await signIn(page)
    await fieldsTitle(page).waitFor()
    await refreshButton(page, 'headcount').click()
    await page
      .getByText(/headcount was refreshed in/)
      .first()
      .waitFor()
    expect(complaints).toEqual([])
    await context.close()
    expect(app.output()).not.toContain('origin.refused')
    proxy.close()
  })

  it('a browser without scripts shows what to set as well', async () => {
    const fields = await signInFields(app.url, `${BASE}/admin`)
    const refused = await signInByForm(
      app.url,
      fields,
      ADMIN_TOKEN,
      { origin: 'https://app.example' },
      `${BASE}/admin`,
    )
    expect(refused).toMatchObject({
      status: 403,
      text: expect.stringContaining('APP_ORIGINS=https://app.example'),
    })
  })
})
