import { describe, expect, it, vi } from 'vitest'
import {
  assertBasePath,
  assertOrigins,
  assertSecrets,
  logLevel,
  refreshConfig,
  secret,
  trustedOrigins,
} from '@/lib/config/appConfig'
import {
  airtableConfig,
  assertWebhookSecrets,
  peopleTable,
  webhookSecrets,
} from '@/lib/core-services/airtable/airtableConfig'
import { cacheConfig, cacheFailFast, keyConfig } from '@/lib/core-services/cache/settings/cacheConfig'
import { encryptionKeys } from '@/lib/core-services/cache/settings/encryptionConfig'

const upstash = {
  UPSTASH_REDIS_REST_URL: 'https://eu1.upstash.example',
  UPSTASH_REDIS_REST_TOKEN: 'secret-token',
}
const kv = { KV_REST_API_URL: 'https://kv.example', KV_REST_API_TOKEN: 'kv-token' }

describe('where Redis is', () => {
  it('takes the pair of the Upstash console or that of the Vercel integration, the first one first', () => {
    expect(cacheConfig(upstash)).toMatchObject({
      url: 'https://eu1.upstash.example',
      tokenName: 'UPSTASH_REDIS_REST_TOKEN',
    })
    expect(cacheConfig(kv)).toMatchObject({
      url: 'https://kv.example',
      token: 'kv-token',
      urlName: 'KV_REST_API_URL',
    })
    expect(cacheConfig({ ...kv, ...upstash })).toMatchObject({ token: 'secret-token' })
  })

  it.each([
    [
      { UPSTASH_REDIS_REST_URL: 'https://a.example' },
      /UPSTASH_REDIS_REST_TOKEN is not set: .* belong together/,
    ],
    [{ KV_REST_API_TOKEN: 'x' }, /KV_REST_API_URL is not set/],
    [
      { UPSTASH_REDIS_REST_URL: 'https://a.example', KV_REST_API_TOKEN: 'x' },
      /UPSTASH_REDIS_REST_TOKEN is not set/,
    ],
    [
      {},
      /UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN \(or KV_REST_API_URL and KV_REST_API_TOKEN\) are not set/,
    ],
    [
      { STORE_KV_REST_API_URL: 'https://a.example' },
      /but STORE_KV_REST_API_URL are: reconnect the store without a prefix/,
    ],
    [
      { ...upstash, UPSTASH_REDIS_REST_TOKEN: 'token\n' },
      /UPSTASH_REDIS_REST_TOKEN holds white space or an invisible character/,
    ],
    [
      { ...upstash, UPSTASH_REDIS_REST_URL: 'redis://a.example:6379' },
      /UPSTASH_REDIS_REST_URL is not a usable URL/,
    ],
    [
      { ...upstash, UPSTASH_REDIS_REST_URL: 'https://host:abc' },
      /UPSTASH_REDIS_REST_URL is not a usable URL/,
    ],
    [{ ...upstash, UPSTASH_REDIS_REST_URL: 'https://user:pass@a.example' }, /holds no user, no password/],
    [
      { ...upstash, UPSTASH_REDIS_REST_TOKEN: 'token\u200b' },
      /UPSTASH_REDIS_REST_TOKEN holds white space or an invisible/,
    ],
    [
      { ...upstash, CACHE_BATCH_SIZE: 'many' },
      /CACHE_BATCH_SIZE is not a whole number: give keys, such as 100/,
    ],
    [{ ...upstash, CACHE_BATCH_SIZE: '0x10' }, /CACHE_BATCH_SIZE is not a whole number/],
    [
      { ...upstash, CACHE_COMMAND_TIMEOUT_MS: '300000000' },
      /CACHE_COMMAND_TIMEOUT_MS is 60000 milliseconds at most/,
    ],
    [{ ...upstash, UPSTASH_REDIS_REST_URL: 'https://a.example?x=1' }, /no query and no fragment/],
    [
      { ...upstash, CACHE_COMMAND_TIMEOUT_MS: '0' },
      /CACHE_COMMAND_TIMEOUT_MS must be greater than 0 \(milliseconds\)/,
    ],
    [{ ...upstash, CACHE_KEY_PREFIX: 'a:b' }, /CACHE_KEY_PREFIX may hold letters, digits/],
    [{ ...upstash, CACHE_KEY_SEPARATOR: '::' }, /CACHE_KEY_SEPARATOR is none of : \/ \| # ; , @$/],
    [{ ...upstash, CACHE_KEY_SEPARATOR: '*' }, /CACHE_KEY_SEPARATOR is none of/],
    [{ ...upstash, CACHE_KEY_SEPARATOR: '-' }, /CACHE_KEY_SEPARATOR is none of/],
    [
      { ...upstash, CACHE_LOCK_DEFAULT_TTL: '0' },
      /CACHE_LOCK_DEFAULT_TTL must be greater than 0 \(seconds\)/,
    ],
    [{ ...upstash, CACHE_LOCK_RETRY_DELAY: '1.5' }, /CACHE_LOCK_RETRY_DELAY is not a whole number/],
    [{ ...upstash, CACHE_LOCK_MAX_RETRIES: '10001' }, /CACHE_LOCK_MAX_RETRIES is 10000 retries at most/],
  ])('refuses %j and names the variable', (env, message) => {
    expect(() => cacheConfig(env)).toThrow(message)
  })

  it('never quotes a secret in a complaint', () => {
    for (const env of [
      { ...upstash, UPSTASH_REDIS_REST_TOKEN: 'very-secret \n' },
      { ...upstash, UPSTASH_REDIS_REST_URL: 'https://default:very-secret@a.example' },
    ]) {
      expect(() => cacheConfig(env)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('very-secret') }),
      )
    }
  })

  it('keeps the keys of preview and production apart unless a prefix is given', () => {
    expect(cacheConfig({ ...upstash, VERCEL_ENV: 'preview' }).keyPrefix).toBe('field-cache-preview')
    expect(cacheConfig({ ...upstash, NODE_ENV: 'production' }).keyPrefix).toBe('field-cache-production')
    expect(cacheConfig({ ...upstash, VERCEL_ENV: 'preview', CACHE_KEY_PREFIX: 'shared' }).keyPrefix).toBe(
      'shared',
    )
  })

  it('makes keys without credentials, as a build does', () => {
    expect(keyConfig({ CACHE_KEY_SEPARATOR: '/' })).toEqual({
      keyPrefix: 'field-cache-development',
      keyVersion: 'v1',
      keySeparator: '/',
      maxKeyLength: 250,
    })
  })

  it('has a lock of 30 s, tried again three times after 100 ms, or not at all', () => {
    expect(cacheConfig(upstash).lock).toEqual({ ttlSeconds: 30, retryDelay: 100, retryCount: 3 })
    expect(cacheConfig({ ...upstash, CACHE_LOCK_MAX_RETRIES: '0' }).lock.retryCount).toBe(0)
  })

  it('treats an empty variable as unset', () => {
    expect(cacheConfig({ ...upstash, CACHE_BATCH_SIZE: '', CACHE_KEY_VERSION: '' })).toMatchObject({
      batchSize: 100,
      keyVersion: 'v1',
    })
  })

  it('fails fast by default, except on Vercel', () => {
    expect(cacheFailFast({})).toBe(true)
    expect(cacheFailFast({ VERCEL: '1' })).toBe(false)
    expect(cacheFailFast({ VERCEL: '1', CACHE_FAIL_FAST: 'true' })).toBe(true)
    expect(() => cacheFailFast({ CACHE_FAIL_FAST: 'maybe' })).toThrow(
      'CACHE_FAIL_FAST is neither true nor false',
    )
  })
})

describe('how Airtable is reached', () => {
  it('names every missing variable at once, with where it comes from', () => {
    expect(() => peopleTable({})).toThrow(
      /AIRTABLE_RRHH_BASE_ID is not set.*\n.*AIRTABLE_RRHH_PEOPLE_TABLE_ID is not set/,
    )
    expect(() => airtableConfig({})).toThrow(/AIRTABLE_API_KEY is not set: make a personal access token/)
  })

  it('takes the endpoint without the slash at its end, and no invisible characters in the key', () => {
    const env = { AIRTABLE_API_KEY: 'pat', AIRTABLE_ENDPOINT_URL: 'https://proxy.example/airtable/' }
    expect(airtableConfig(env).endpointUrl).toBe('https://proxy.example/airtable')
    expect(() => airtableConfig({ AIRTABLE_API_KEY: 'patREAL\u200b' })).toThrow(
      /^(?!.*patREAL).*AIRTABLE_API_KEY holds white space/s,
    )
  })

  it('refuses a refresh deadline of which two do not fit into a run of the cron', () => {
    expect(() => refreshConfig({ CACHE_REFRESH_TIMEOUT_MS: '200000' })).toThrow('120000 milliseconds at most')
  })

  it('has a deadline of 10 s for a page and 25 s for a refresh', () => {
    expect(airtableConfig({ AIRTABLE_API_KEY: 'pat' })).toEqual({
      apiKey: 'pat',
      endpointUrl: undefined,
      pageTimeoutMs: 10_000,
    })
    expect(refreshConfig({})).toEqual({ refreshTimeoutMs: 25_000, warmupEnabled: true })
  })
})

describe('secrets of webhooks', () => {
  const SECRET = Buffer.from('secret-key').toString('base64')
  const read = (AIRTABLE_WEBHOOK_SECRETS: string) => webhookSecrets({ AIRTABLE_WEBHOOK_SECRETS })
  const assert = (AIRTABLE_WEBHOOK_SECRETS?: string) => () =>
    assertWebhookSecrets({ AIRTABLE_WEBHOOK_SECRETS })

  it('reads secrets of webhooks by id, decoded', () => {
    const text = `ach00000000000001:${SECRET}, ach00000000000002:${SECRET}`
    expect([...read(text)].map(([id, secret]) => [id, secret.toString()])).toEqual([
      ['ach00000000000001', 'secret-key'],
      ['ach00000000000002', 'secret-key'],
    ])
    expect(assert(text)).not.toThrow()
  })

  it.each([undefined, '', ' '])('accepts missing values: %j', (text) => {
    expect(read(text ?? '').size).toBe(0)
    expect(assert(text)).not.toThrow()
  })

  it.each([
    ['ach1', 'is not ach…:secret'],
    [`app1:${SECRET}`, 'is not ach…:secret'],
    [`:${SECRET}`, 'is not ach…:secret'],
    ['', 'is not ach…:secret'],
    ['ach1:bad-secret!', 'is not base64'],
    ['ach1:c2VjcmV0LWtleQ', 'is not base64'],
    ['ach1:', 'fewer than 8 bytes'],
    ['ach1:c2hvcnQ=', 'fewer than 8 bytes'],
    [`ach0:${SECRET}`, 'names the same webhook as an earlier entry'],
  ])('refuses secrets of webhooks by position, and never shows them: %s', (entry, problem) => {
    const text = `ach0:${SECRET},${entry}`
    expect(assert(text)).toThrow(`AIRTABLE_WEBHOOK_SECRETS: entry 2 of 2 `)
    expect(assert(text)).toThrow(problem)
    expect(assert(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    for (const secret of [SECRET, 'bad-secret', 'c2hvcnQ'])
      expect(assert(text)).toThrow(expect.objectContaining({ message: expect.not.stringContaining(secret) }))
    expect([...read(text).keys()]).toEqual(['ach0'])
  })
})

describe('secrets of the app', () => {
  it('refuses short secrets at boot, and keeps closed what they open', () => {
    expect(() => assertSecrets({ ADMIN_TOKEN: 'short', CRON_SECRET: 'x'.repeat(15) })).toThrow(
      /ADMIN_TOKEN has fewer than 16 characters.*\n.*CRON_SECRET has fewer than 16 characters/,
    )
    expect(secret('ADMIN_TOKEN', { ADMIN_TOKEN: 'short' })).toBeUndefined()
    expect(secret('ADMIN_TOKEN', {})).toBeUndefined()
    expect(secret('ADMIN_TOKEN', { ADMIN_TOKEN: 'x'.repeat(16) })).toBe('x'.repeat(16))
  })

  it('accepts that the secrets of the app are unset', () => {
    expect(() => assertSecrets({})).not.toThrow()
  })
})

describe('the addresses of the app', () => {
  it('reads APP_ORIGINS as origins without a path, separated by commas', () => {
    const env = { APP_ORIGINS: 'https://app.example, http://localhost:3000/ ,' }
    expect(trustedOrigins(env)).toEqual(['https://app.example', 'http://localhost:3000'])
    expect(() => assertOrigins(env)).not.toThrow()
    expect(trustedOrigins({})).toEqual([])
  })

  it.each([
    'app.example',
    'https://app.example/shop',
    'https://*.example',
    'HTTPS://App.example',
    'null',
    'ftp://a.b',
  ])('refuses %s in APP_ORIGINS at boot and trusts no origin by it', (entry) => {
    const env = { APP_ORIGINS: `https://app.example,${entry}` }
    expect(() => assertOrigins(env)).toThrow(
      `APP_ORIGINS holds "${entry}": give origins as browsers show them`,
    )
    expect(trustedOrigins(env)).toEqual(['https://app.example'])
  })

  it('requires the base path that the app was built with', () => {
    vi.stubEnv('APP_BASE_PATH', '/shop')
    expect(() => assertBasePath({ APP_BASE_PATH: '/shop' })).not.toThrow()
    expect(() => assertBasePath({})).toThrow(
      'APP_BASE_PATH is "", and the app was built with "/shop": set the same',
    )
    expect(() => assertBasePath({ __NEXT_PRIVATE_STANDALONE_CONFIG: '{}' })).not.toThrow()
  })
})

it('LOG_LEVEL is info unless it names another level', () => {
  expect(logLevel({})).toBe('info')
  expect(logLevel({ LOG_LEVEL: 'debug' })).toBe('debug')
  expect(() => logLevel({ LOG_LEVEL: 'loud' })).toThrow('LOG_LEVEL is none of debug, info, warn, error')
})

describe('keys for encryption', () => {
  const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index))
  const forms = [
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    bytes.toString('base64'),
    bytes.toString('base64url'),
  ]

  it('reads encryption keys of 32 bytes as hex or base64, the one that encrypts first', () => {
    for (const form of forms)
      expect(encryptionKeys({ CACHE_ENCRYPTION_KEY: form })).toEqual([new Uint8Array(bytes)])
    const older = [bytes.toReversed(), bytes.map((byte) => byte ^ 1)].map((key) => Buffer.from(key))
    const CACHE_ENCRYPTION_KEYS_OLD = `${older[0]?.toString('base64')}, ${older[1]?.toString('hex')}`
    expect(encryptionKeys({ CACHE_ENCRYPTION_KEY: forms[0], CACHE_ENCRYPTION_KEYS_OLD })).toEqual(
      [bytes, ...older].map((key) => new Uint8Array(key)),
    )
  })

  it.each([{}, { CACHE_ENCRYPTION_KEY: '', CACHE_ENCRYPTION_KEYS_OLD: '' }])(
    'accepts missing values: %j',
    (env) => {
      expect(encryptionKeys(env)).toEqual([])
    },
  )

  it.each([
    ['of 31 bytes', { CACHE_ENCRYPTION_KEY: bytes.subarray(1).toString('base64') }],
    ['of 33 bytes', { CACHE_ENCRYPTION_KEY: `${forms[0]}00` }],
    ['that is a password', { CACHE_ENCRYPTION_KEY: 'correct horse battery staple' }],
    ['among the old ones', { CACHE_ENCRYPTION_KEY: forms[0], CACHE_ENCRYPTION_KEYS_OLD: `${forms[1]},abc` }],
  ])('refuses an encryption key %s, without repeating it', (_, env) => {
    const refusal = () => encryptionKeys(env)
    expect(refusal).toThrow(/CACHE_ENCRYPTION_KEY\S* is not 32 bytes as base64 or hex/)
    for (const given of Object.values(env)) expect(refusal).not.toThrow(given)
  })

  it('refuses old encryption keys without a current one, because none of them would encrypt', () => {
    expect(() => encryptionKeys({ CACHE_ENCRYPTION_KEYS_OLD: forms[0] })).toThrow('which key encrypts?')
  })
})
