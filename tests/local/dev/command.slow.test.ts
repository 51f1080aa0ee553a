import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { resolve as absolute, join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'

interface Result {
  code: number | null
  stdout: string
  stderr: string
}

// Run from an empty directory, so that no .env.local of a developer changes these tests.
const directory = mkdtempSync(join(tmpdir(), 'dev-'))
const tsx = import.meta.resolve('tsx')
const clean = { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'development' as const }

function command(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', tsx, absolute(file), ...args],
      { cwd: directory, env: { ...clean, ...env } },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

let server: Server
let taken: string

beforeEach(async () => {
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  taken = String(typeof address === 'object' && address !== null ? address.port : 0)
})
afterAll(() => rmSync(directory, { recursive: true }))
afterEach(() => new Promise((resolve) => server.close(resolve)))

describe.each(['local/dev.ts', 'local/airtable/main.ts'])('%s', (file) => {
  it('explains itself with --help and starts nothing', async () => {
    const { code, stdout, stderr } = await command(file, ['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('LOCAL_AIRTABLE_PORT')
    expect(stdout).toContain('/__local/faults')
  })

  it('ends with one line and code 1 when the port it was told to use is taken', async () => {
    expect(await command(file, ['--port', taken])).toEqual({
      code: 1,
      stdout: '',
      stderr: `port ${taken} (--port) is already in use\n`,
    })
  })

  it('ends with one line and code 1 on an option it does not know', async () => {
    const { code, stderr } = await command(file, ['--prot', '1'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Unknown option '--prot'.*\n$/)
  })
})

describe('local/dev.ts', () => {
  it.each(['PORT', 'LOCAL_UPSTASH_PORT', 'LOCAL_AIRTABLE_PORT'])('refuses a taken %s', async (variable) => {
    const ports = { PORT: '0', LOCAL_UPSTASH_PORT: '0', LOCAL_AIRTABLE_PORT: '0', [variable]: taken }
    const { code, stderr } = await command('local/dev.ts', [], ports)
    expect(code).toBe(1)
    expect(stderr).toBe(`port ${taken} (${variable}) is already in use\n`)
  })

  it('refuses half a pair of credentials and names the missing variable', async () => {
    const { code, stderr } = await command('local/dev.ts', [], {
      UPSTASH_REDIS_REST_URL: 'https://db.example',
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^UPSTASH_REDIS_REST_URL is set but UPSTASH_REDIS_REST_TOKEN is not: .*\n$/)
  })
})
