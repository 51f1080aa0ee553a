import { expect, it } from 'vitest'
import { banner } from '@/local/banner'

it('names what runs, where and why in columns, then the secrets and the requests that need them', () => {
  const text = banner('http://localhost:3001', 'port 3000 is in use', {
    env: { ADMIN_TOKEN: 'admin-token', CRON_SECRET: 'cron-secret' },
    parts: [
      { name: 'Redis', where: 'https://db.example', why: 'UPSTASH_REDIS_REST_URL is set' },
      {
        name: 'Airtable server',
        where: 'http://127.0.0.1:8078',
        why: 'sample people',
        statsUrl: 'http://stats',
        faultsUrl: 'http://faults',
      },
    ],
  })
  expect(text).toMatchInlineSnapshot(`
    "
      App              http://localhost:3001  port 3000 is in use
      Redis            https://db.example     UPSTASH_REDIS_REST_URL is set
      Airtable server  http://127.0.0.1:8078  sample people

      Airtable server counters  http://stats
      Airtable server faults    http://faults
      ADMIN_TOKEN               admin-token
      CRON_SECRET               cron-secret

      curl -i http://localhost:3001/api/airtable/agents
      curl -i -X POST -H "Authorization: Bearer admin-token" http://localhost:3001/api/airtable/agents/refresh
      curl -i -H "Authorization: Bearer cron-secret" http://localhost:3001/api/cron/refresh
    "
  `)
})

it('does not show a secret that the developer has set', () => {
  const env = { ADMIN_TOKEN: 'their-own-secret', CRON_SECRET: 'made-up' }
  const text = banner('http://localhost:3000', '', { env, parts: [] }, ['ADMIN_TOKEN'])
  expect(text).not.toContain('their-own-secret')
  expect(text).toContain('"Authorization: Bearer $ADMIN_TOKEN"')
  expect(text).toContain('made-up')
})
