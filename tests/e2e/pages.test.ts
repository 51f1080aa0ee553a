import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seriousProblems } from './support/accessibility'
import { fieldsTitle, openAdmin, signIn } from './support/adminPage'
import { type Backends, startBackends } from './support/backends'
import { DESKTOP, launchBrowser, openPage, PHONE, screenshot } from './support/browser'
import { type NextProcess, startNext } from './support/nextProcess'

/** What holds for every page: headers, the policy that it passes, and that everybody can use it. */
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

const SCREENS = [
  ['desktop, light', DESKTOP, 'light'],
  ['desktop, dark', DESKTOP, 'dark'],
  ['phone, light', PHONE, 'light'],
  ['phone, dark', PHONE, 'dark'],
] as const

const overflow = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)

describe.each(SCREENS)('on a %s screen', (name, viewport, colorScheme) => {
  const file = name.replace(', ', '-')

  it('the list has nothing that axe calls serious, and nothing that the policy blocks', async () => {
    const { page, complaints } = await openPage(browser, app.url, { viewport, colorScheme })
    await page.locator('section li').first().waitFor()
    expect(await seriousProblems(page)).toEqual([])
    expect(complaints).toEqual([])
    await page.close()
  })

  it('the admin page, signed out and in, has nothing that axe calls serious, and needs no sideways scrolling', async () => {
    const { context, page, complaints } = await openAdmin(browser, app.url, { viewport, colorScheme })
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect([await seriousProblems(page), await overflow(page)]).toEqual([[], 0])
    await screenshot(page, `sign-in-${file}`)
    await signIn(page)
    await fieldsTitle(page).waitFor()
    expect([await seriousProblems(page), await overflow(page)]).toEqual([[], 0])
    await screenshot(page, `admin-${file}`)
    expect(complaints).toEqual([])
    await context.close()
  })
})

describe('every answer', () => {
  it.each([
    '/',
    '/admin',
    '/api/health',
    '/api/airtable/agents',
    '/api/admin/overview',
    '/no-such-page',
    '/icon.svg',
  ])('of %s carries the security headers', async (path) => {
    const { headers } = await fetch(app.url + path)
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()'),
      'cross-origin-opener-policy': 'same-origin',
    })
    expect(headers.has('strict-transport-security')).toBe(false)
  })

  it.each(['/', '/admin', '/api/health', '/api/airtable/agents'])(
    'from %s names its request',
    async (path) => {
      const named = await fetch(app.url + path, { headers: { 'x-request-id': 'r-1' } })
      expect(named.headers.get('x-request-id')).toBe('r-1')
      expect((await fetch(app.url + path)).headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/)
    },
  )

  it.each(['/', '/api/airtable/agents'])('from %s has lines in the log under that name', async (path) => {
    const id = `log${path.replaceAll('/', '.')}`
    await backends.redis.flush()
    // Until this process has asked Redis whether its copy still holds.
    await expect
      .poll(
        async () => {
          await (await fetch(app.url + path, { headers: { 'x-request-id': id } })).text()
          return app.output()
        },
        { timeout: 10_000 },
      )
      .toMatch(new RegExp(`"event":"refresh.finished".*"requestId":"${id}"`))
  })

  it('tells browsers that come over https to stay on it', async () => {
    const { headers } = await fetch(app.url, { headers: { 'x-forwarded-proto': 'https' } })
    expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}/)
  })

  it.each(['/', '/admin', '/no-such-page'])(
    'from %s runs scripts by a nonce of its own only',
    async (path) => {
      const nonces = await Promise.all(
        [1, 2].map(async () => {
          const response = await fetch(app.url + path)
          const policy = response.headers.get('content-security-policy') ?? ''
          expect(policy).toContain("frame-ancestors 'none'")
          expect(policy).not.toMatch(/unsafe-(inline|eval)/)
          const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? ''
          const scripts = [...(await response.text()).matchAll(/<script\b([^>]*)>/g)].map(
            ([, attributes]) => attributes,
          )
          expect(scripts.length).toBeGreaterThan(3)
          expect(scripts.filter((attributes) => !attributes?.includes(`nonce="${nonce}"`))).toEqual([])
          return nonce
        }),
      )
      expect(new Set(nonces).size).toBe(2)
    },
  )

  it('of the API can run and load nothing if it is opened as a page', async () => {
    for (const path of ['/api/health', '/health', '/api/fields/agents']) {
      const { headers } = await fetch(app.url + path)
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    }
  })

  it('that is a page which does not exist is one that the policy lets through', async () => {
    const { page, complaints } = await openPage(browser, `${app.url}/no-such-page`, { viewport: DESKTOP })
    await page.getByRole('heading').first().waitFor()
    expect(complaints.filter((text) => !text.includes('404'))).toEqual([])
    await page.close()
  })
})
