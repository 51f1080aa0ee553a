import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { read, readMilliseconds, readTogether } from '@/local/env'

describe('reading the environment', () => {
  it('takes blank variables for unset ones', () => {
    expect(read({ A: ' ' }, 'A')).toBeUndefined()
    expect(read({}, 'A')).toBeUndefined()
    expect(read({ A: ' a ' }, 'A')).toBe('a')
  })

  it('reads milliseconds, 0 included, and names the variable that holds something else', () => {
    expect(readMilliseconds({ A: '0' }, 'A', 200)).toBe(0)
    expect(readMilliseconds({ A: '' }, 'A', 200)).toBe(200)
    expect(() => readMilliseconds({ A: '1s' }, 'A', 200)).toThrow(
      'A is "1s"; expected a number of milliseconds',
    )
  })

  it('takes variables that belong together all or not at all', () => {
    expect(readTogether({ URL: 'u', TOKEN: 't', OTHER: 'o' }, ['URL', 'TOKEN'])).toEqual({
      URL: 'u',
      TOKEN: 't',
    })
    expect(readTogether({ URL: '' }, ['URL', 'TOKEN'])).toBeUndefined()
    expect(() => readTogether({ URL: 'u', TOKEN: ' ' }, ['URL', 'TOKEN'])).toThrow(
      /^URL is set but TOKEN is not/,
    )
  })
})

describe('the .env files', () => {
  it('the .env files complete the environment with the precedence of next dev, and never override it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'env-'))
    writeFileSync(join(directory, '.env'), 'FROM_SHELL=file\nFROM_LOCAL=shared\nFROM_SHARED=shared\n')
    writeFileSync(join(directory, '.env.local'), 'FROM_LOCAL=local\n')
    writeFileSync(join(directory, '.env.production'), 'FROM_SHARED=production\n')
    const script =
      "import { loadEnv } from './local/env'\n" +
      'const { FROM_SHELL, FROM_LOCAL, FROM_SHARED } = loadEnv(process.env.DIRECTORY)\n' +
      'console.log(JSON.stringify({ FROM_SHELL, FROM_LOCAL, FROM_SHARED }))'
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
    const env = {
      ...process.env,
      NODE_ENV: 'development' as const,
      DIRECTORY: directory,
      FROM_SHELL: 'shell',
    }
    const { stdout } = await promisify(execFile)(process.execPath, args, { env })
    rmSync(directory, { recursive: true })
    expect(JSON.parse(stdout)).toEqual({ FROM_SHELL: 'shell', FROM_LOCAL: 'local', FROM_SHARED: 'shared' })
  })
})
