import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { rest, type TestRedis } from '../../kit/redis/testRedis'
import { ADMIN_TOKEN } from './backends'
import { DESKTOP } from './browser'

export interface AdminPage {
  context: BrowserContext
  page: Page
  /** What the console complained about, violations of the content security policy included. */
  complaints: string[]
}

export interface AdminPageOptions {
  viewport?: { width: number; height: number }
  colorScheme?: 'light' | 'dark'
}

/** The admin page in a browser of its own, signed out. */
export async function openAdmin(
  browser: Browser,
  url: string,
  { viewport = DESKTOP, colorScheme = 'light' }: AdminPageOptions = {},
): Promise<AdminPage> {
  const context = await browser.newContext({ viewport, colorScheme })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${url}/admin`)
  return { context, page, complaints }
}

export async function signIn(page: Page, token = ADMIN_TOKEN): Promise<void> {
  await page.getByLabel('Admin token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

export const fieldsTitle = (page: Page): Locator => page.getByRole('heading', { name: 'Fields', exact: true })
export const card = (page: Page, name: string): Locator => page.getByRole('article', { name, exact: true })
export const refreshButton = (page: Page, name: string): Locator =>
  card(page, name).getByRole('button', { name: `Refresh ${name}` })

/** Makes the stored value of a field older by this many seconds; its tokens stay valid. */
export async function ageEntry(redis: TestRedis, entry: string, seconds: number): Promise<void> {
  const { body } = await rest(redis, '', { body: ['GET', entry] })
  const text = String((body as { result: string }).result)
  const older = text.replace(/"at":(\d+)/, (_, at: string) => `"at":${Number(at) - seconds * 1000}`)
  await rest(redis, '', { body: ['SET', entry, older] })
}
