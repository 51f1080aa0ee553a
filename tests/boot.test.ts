import { afterEach, describe, expect, it, vi } from 'vitest'
import { boot } from '@/lib/boot'
import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { processPorts } from '@/lib/shared/ports'

const secrets = { ADMIN_TOKEN: 'x'.repeat(32), CRON_SECRET: 'y'.repeat(32) }

describe('boot', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('reports everything that is wrong with the configuration at once', async () => {
    const { ok, report } = await boot({
      UPSTASH_REDIS_REST_URL: 'https://a.example',
      LOG_LEVEL: 'loud',
      AIRTABLE_WEBHOOK_SECRETS: 'achNobody',
      ADMIN_TOKEN: 'short',
    })
    expect(ok).toBe(false)
    for (const name of [
      'UPSTASH_REDIS_REST_TOKEN is not set',
      'AIRTABLE_API_KEY is not set',
      'AIRTABLE_RRHH_BASE_ID is not set',
      'AIRTABLE_RRHH_PEOPLE_TABLE_ID is not set',
      'LOG_LEVEL is none of',
      'AIRTABLE_WEBHOOK_SECRETS: entry 1 of 1',
      'ADMIN_TOKEN has fewer than 16 characters',
    ]) {
      expect(report).toContain(name)
    }
  })

  it('fails without a key when a field must be encrypted', async () => {
    const env = {
      ...secrets,
      UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
      UPSTASH_REDIS_REST_TOKEN: 'x',
      AIRTABLE_API_KEY: 'x',
      AIRTABLE_RRHH_BASE_ID: 'app12345678901234',
      AIRTABLE_RRHH_PEOPLE_TABLE_ID: 'tbl12345678901234',
    }
    const complaint = 'CACHE_ENCRYPTION_KEY is not set, and these fields are to be encrypted: agents'
    agentsCacheConfig.advanced = { encrypt: true }
    expect(await boot(env)).toMatchObject({ ok: false, report: expect.stringContaining(complaint) })
    const withKey = await boot({ ...env, CACHE_ENCRYPTION_KEY: '0'.repeat(64) })
    expect(withKey.report).not.toContain('CACHE_ENCRYPTION_KEY')
    delete agentsCacheConfig.advanced
  })

  it.each([
    [{}, true],
    [{ VERCEL: '1' }, false],
    [{ CACHE_FAIL_FAST: 'false' }, false],
    [{ CACHE_FAIL_FAST: 'perhaps' }, true],
  ])('with %j a failure is fatal: %s', async (env, fatal) => {
    expect(await boot({ ...secrets, ...env })).toMatchObject({ ok: false, fatal })
  })

  it('connects events and control flow even with an unusable configuration', async () => {
    await boot({ CACHE_FAIL_FAST: 'false' })
    const lines: unknown[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(line) > 0)
    processPorts().emit({ type: 'redis.slow', command: 'get', durationMs: 200, limitMs: 100 })
    expect(lines).toEqual([expect.stringContaining('"event":"redis.slow"')])
    expect(
      processPorts().isControlFlow(Object.assign(new Error('x'), { digest: 'DYNAMIC_SERVER_USAGE' })),
    ).toBe(true)
    expect(processPorts().isControlFlow(new Error('x'))).toBe(false)
  })
})
