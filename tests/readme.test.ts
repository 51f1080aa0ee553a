import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { snippetOf } from './kit/text/snippets'

const readme = readFileSync('README.md', 'utf8')
const tsc = 'node_modules/typescript/bin/tsc'
const vitest = 'node_modules/vitest/vitest.mjs'

const snippet = (fence: string) => snippetOf('README.md', fence)

describe('README.md', () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync('.readme-check-')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('has at most 200 lines, and the first curl on the first screen', () => {
    const lines = readme.split('\n')
    expect(lines.length).toBeLessThanOrEqual(200)
    expect(lines.findIndex((line) => line.startsWith('$ curl'))).toBeLessThan(20)
  })

  it('shows code that passes the type check of the project', async () => {
    const imports = `import { z } from 'zod'\nimport type { FieldCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'\n`
    writeFileSync(join(folder, 'field.ts'), imports + snippet('ts field'))
    const table = `import { airtableList, type TableSource } from '@/lib/core-services/airtable/airtableField'\ndeclare const people: TableSource\n`
    writeFileSync(join(folder, 'airtable.ts'), table + snippet('ts airtable'))
    writeFileSync(join(folder, 'family.ts'), snippet('ts family'))
    writeFileSync(join(folder, 'component.tsx'), snippet('tsx component'))
    writeFileSync(join(folder, 'cache.test.ts'), snippet('ts test'))
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../tsconfig.json',
        compilerOptions: { incremental: false, paths: { '@/*': ['../*'] } },
        include: ['*.ts', '*.tsx', '../lib/core-services/serviceLoader.ts'],
      }),
    )
    const check = promisify(execFile)(process.execPath, [tsc, '-p', join(folder, 'tsconfig.json')])
    expect(await check.catch((error: { stdout: string }) => error)).toMatchObject({ stdout: '' })
  })

  it('shows a test that passes', async () => {
    writeFileSync(join(folder, 'cache.test.ts'), snippet('ts test'))
    writeFileSync(
      join(folder, 'vitest.config.ts'),
      `import base from '../vitest.config'
      export default { ...base, test: { ...base.test, include: ['**/cache.test.ts'], exclude: [] } }`,
    )
    const args = [vitest, 'run', '--config', join(folder, 'vitest.config.ts'), '--dir', folder]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    expect(stdout).toMatch(/Tests .*1 passed/)
  })
})
