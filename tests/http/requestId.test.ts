import { beforeEach, describe, expect, it } from 'vitest'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { problemResponse } from '@/lib/http/problem'
import { withRequestId } from '@/lib/http/withRequestId'
import { type AnnotatedEvent, annotateEvent } from '@/lib/observability/annotateEvent'
import { processPorts } from '@/lib/shared/ports'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../kit/clock/deferred'
import { field } from '../kit/fields/fieldProcess'

let seen: AnnotatedEvent[] = []
const test = await createTestCache({
  ports: {
    emit: (event) => {
      seen.push(annotateEvent(event, (text) => text))
    },
  },
})
test.install()
beforeEach(() => {
  test.reset()
  seen = []
})

const request = (headers: Record<string, string> = {}) => new Request('http://localhost/', { headers })
const findIds = (type: AnnotatedEvent['type']) =>
  seen.filter((event) => event.type === type).map(({ requestId }) => requestId)

describe('the id of a request', () => {
  const echo = withRequestId(async () => new Response('ok', { status: 201, headers: { 'X-Kept': 'yes' } }))
  const answeredId = async (headers: Record<string, string>) =>
    (await echo(request(headers))).headers.get('x-request-id')

  it.each([
    [
      'what Vercel calls it',
      { 'x-vercel-id': 'fra1::iad1::k7x2p-1767257491204-0a1b2c' },
      /^fra1::iad1::k7x2p-/,
    ],
    ['what a proxy calls it', { 'x-request-id': '3f2c.A_b-9' }, /^3f2c\.A_b-9$/],
    ['Vercel first', { 'x-request-id': 'mine', 'x-vercel-id': 'fra1::1' }, /^fra1::1$/],
    ['a new one where there is none', {}, /^[0-9a-f]{32}$/],
    ['not what is too long', { 'x-request-id': 'x'.repeat(129) }, /^[0-9a-f]{32}$/],
    ['not what is empty', { 'x-request-id': '' }, /^[0-9a-f]{32}$/],
    ['not what holds markup', { 'x-request-id': '<b>"1"</b>' }, /^[0-9a-f]{32}$/],
    ['not what holds blanks', { 'x-request-id': 'a level=error' }, /^[0-9a-f]{32}$/],
    ['not what holds other letters', { 'x-request-id': 'ñ' }, /^[0-9a-f]{32}$/],
    ['the other one where the first is not sane', { 'x-vercel-id': 'a b', 'x-request-id': 'r1' }, /^r1$/],
  ])('the id of a request is %s', async (_, headers, expected) => {
    expect(await answeredId(headers)).toMatch(expected)
  })

  it('makes a new id for each request without one', async () => {
    expect(await answeredId({})).not.toBe(await answeredId({}))
  })

  it('changes nothing else of the answer', async () => {
    const answer = await echo(request())
    expect([answer.status, answer.headers.get('x-kept'), await answer.text()]).toEqual([201, 'yes', 'ok'])
    const redirect = await withRequestId(async () => Response.redirect('http://localhost/b', 303))(request())
    expect([redirect.status, redirect.headers.get('location')]).toEqual([303, 'http://localhost/b'])
    const unchanged = await withRequestId(async () => new Response(null, { status: 304 }))(request())
    expect(unchanged.status).toBe(304)
  })

  it('puts the id into answers to failures and into their event', async () => {
    const failing = withRequestId(async (given) =>
      problemResponse(given, new Error('broken'), { label: 'Failed', trusted: false }),
    )
    const answer = await failing(request({ 'x-request-id': 'r7' }))
    expect([answer.status, answer.headers.get('x-request-id')]).toEqual([500, 'r7'])
    expect(findIds('request.failed')).toEqual(['r7'])
  })
})

describe('the events of a request', () => {
  const reading = withRequestId(async () => Response.json(await readFieldCache(config)))
  let answerSource = deferred<string>()
  const config = field(() => answerSource.promise, { ttl: 60, staleWhileRevalidate: 600 })
  beforeEach(() => {
    answerSource = deferred()
    answerSource.resolve('v1')
  })

  it('each event of a request carries its id, and no other event does', async () => {
    await reading(request({ 'x-request-id': 'r1' }))
    await readFieldCache(config)
    expect(findIds('field.read')).toEqual(['r1', undefined])
    expect(findIds('refresh.finished')).toEqual(['r1'])
    const before = seen.findIndex(({ type }) => type === 'field.read')
    expect(new Set(seen.slice(0, before).map(({ requestId }) => requestId))).toEqual(new Set(['r1']))
  })

  it('keeps the events of concurrent requests apart', async () => {
    const ids = ['a', 'b', 'c']
    const reads = ids.map((id) =>
      withRequestId(async () => {
        const own = field(() => answerSource.promise, { name: `field-${id}`, key: id })
        return Response.json(await readFieldCache(own))
      })(request({ 'x-request-id': id })),
    )
    await Promise.all(reads)
    for (const type of ['refresh.started', 'refresh.finished', 'field.read'] as const) {
      const pairs = seen.flatMap((event) => (event.type === type ? [[event.field, event.requestId]] : []))
      expect(pairs.toSorted()).toEqual(ids.map((id) => [`field-${id}`, id]))
    }
  })

  it('the refresh after an answer carries the id of its request', async () => {
    await readFieldCache(config)
    test.clock.advance(61_000)
    seen = []
    await reading(request({ 'x-request-id': 'r2' }))
    await test.backgroundWork()
    expect(findIds('refresh.finished')).toEqual(['r2'])
  })

  it('events outside of a request carry no id', () => {
    processPorts().emit({ type: 'breaker.changed', from: 'closed', to: 'open' })
    expect(seen).toEqual([{ type: 'breaker.changed', from: 'closed', to: 'open' }])
  })
})
