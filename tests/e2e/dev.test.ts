import { spawn } from 'node:child_process'
import { expect, it } from 'vitest'
import { fieldsTitle, signIn } from './support/adminPage'
import { DESKTOP, launchBrowser, openPage } from './support/browser'
import { freePort } from './support/nextProcess'

it('npm run dev serves the app with nothing but Node, follows edits in Airtable, and one Ctrl-C ends everything', async () => {
  const [port, upstashPort, airtablePort] = await Promise.all([freePort(), freePort(), freePort()])
  const { HOME, CACHE_COMPONENTS = 'false' } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/dev.ts'], {
    env: {
      NODE_ENV: 'development',
      HOME,
      PATH: '/nonexistent',
      PORT: String(port),
      LOCAL_UPSTASH_PORT: String(upstashPort),
      LOCAL_AIRTABLE_PORT: String(airtablePort),
      NEXT_TELEMETRY_DISABLED: '1',
      CACHE_COMPONENTS,
    },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const url = `http://127.0.0.1:${port}`
  const read = async () => (await fetch(`${url}/api/airtable/agents`)).headers.get('x-field-cache')
  try {
    await expect.poll(() => read().catch(() => output), { timeout: 50_000, interval: 500 }).toBe('miss')
    expect(await read()).toBe('hit')
    const stats = await (await fetch(`http://127.0.0.1:${upstashPort}/__local/stats`)).json()
    expect(stats).toMatchObject({ commands: expect.any(Number), requests: expect.any(Number), refusals: 0 })
    expect(output).toContain('embedded')
    expect(output).toMatch(/ADMIN_TOKEN +[0-9a-f]{32,}/)

    const person = `http://127.0.0.1:${airtablePort}/v0/appLocalPeople001/People/recRMtuYXRprv5oLb`
    const edited = await fetch(person, {
      method: 'PATCH',
      headers: { authorization: 'Bearer patLocalDevelopment', 'content-type': 'application/json' },
      body: JSON.stringify({ fields: { Nombre: 'Ada Lovelace' } }),
    })
    expect(edited.status).toBe(200)
    const asked = async (path: string) => (await fetch(url + path)).text()
    await expect.poll(() => asked('/api/airtable/agents'), { timeout: 20_000 }).toContain('Ada Lovelace')
    expect(await asked('/')).toContain('Ada Lovelace')
    const story = /refresh\.finished\b[^\n]*\bchange\b.*webhook\.processed\b[^\n]*\bping\b/s
    await expect.poll(() => output).toMatch(story)
    const [, token = ''] = /ADMIN_TOKEN +([0-9a-f]{32,})/.exec(output) ?? []
    expect(await complaintsOfPages(`http://localhost:${port}`, token)).toEqual([])
  } finally {
    child.kill('SIGINT')
  }
  expect(await ended).toBe(0)
  for (const closed of [port, upstashPort, airtablePort]) {
    await expect(fetch(`http://127.0.0.1:${closed}/`)).rejects.toThrow('fetch failed')
  }
}, 120_000)

/** What the browser says of the pages: its policy must let the tools of development through, and those must be content. */
async function complaintsOfPages(url: string, token: string): Promise<string[]> {
  const browser = await launchBrowser()
  const { page, complaints } = await openPage(browser, url, { viewport: DESKTOP })
  await page.locator('section li').first().waitFor()
  await page.goto(`${url}/admin`)
  await signIn(page, token)
  await fieldsTitle(page).waitFor()
  await browser.close()
  return complaints
}
