import { cacheUnavailable } from '../../core-services/cache/errors'
import { type FieldAnswer, readFieldCache } from '../../core-services/cache/fieldCacheService'
import { type AnyField, findFieldByName } from '../../core-services/cache/fields/fieldConfig'
import { encodeValue } from '../../core-services/cache/redis/json'
import { holdsSecret } from '../auth/bearer'
import { computeEtag, matchesEtag, NO_STORE, PRIVATE_NO_STORE, REVALIDATE } from '../headers'
import { fieldUnknown, problemResponse, queryInvalid, unauthorized } from '../problem'
import { anonymouslyForcedRead, forcedRead } from './forcedReads'

/** Answers GET. `?forceRefresh=true` fetches from the source first. */
export async function answerRead(request: Request, field: AnyField): Promise<Response> {
  const trusted = holdsSecret(request, 'ADMIN_TOKEN')
  try {
    const forced = wantsForce(request)
    if (forced)
      return valueResponse(await (trusted ? forcedRead(field) : anonymouslyForcedRead(field)), NO_STORE)
    const answer = await readFieldCache(field)
    if (field.access !== 'public') return valueResponse(answer, PRIVATE_NO_STORE)
    return revalidatedResponse(request, answer)
  } catch (error) {
    return problemResponse(request, error, { label: `Failed to load ${field.name}`, trusted })
  }
}

/** Answers POST: 503 when the new value was not stored, 429 past the limit. */
export async function answerRefresh(
  request: Request,
  field: AnyField,
  label = `Failed to refresh ${field.name}`,
): Promise<Response> {
  const trusted = holdsSecret(request, 'ADMIN_TOKEN')
  try {
    if (!trusted) throw unauthorized('ADMIN_TOKEN')
    const answer = await forcedRead(field)
    if (answer.status !== 'refreshed')
      throw cacheUnavailable(new Error('the new value was fetched but not stored'))
    return valueResponse(answer, NO_STORE)
  } catch (error) {
    return problemResponse(request, error, { label, trusted, withMessage: true })
  }
}

/** An unknown name and a field that this caller may not read get the same 404. */
export async function answerByName(
  request: Request,
  name: string,
  answer: (request: Request, field: AnyField) => Promise<Response>,
): Promise<Response> {
  const trusted = holdsSecret(request, 'ADMIN_TOKEN')
  const field = findFieldByName(name)
  if (field && (trusted || field.access === 'public')) return answer(request, field)
  return problemResponse(request, fieldUnknown(), {
    label: 'There is no such field',
    trusted: false,
    withMessage: request.method === 'POST',
  })
}

function wantsForce(request: Request): boolean {
  const given = new URL(request.url).searchParams.get('forceRefresh')
  if (given === null || given === 'false') return false
  if (given === 'true') return true
  throw queryInvalid('forceRefresh must be true or false')
}

function valueResponse(answer: FieldAnswer<unknown>, headers: Record<string, string>): Response {
  return jsonResponse(encodeValue(answer.data), { ...fieldHeaders(answer), ...headers })
}

/** The body comes from `encodeValue`, because a schema may return a Map, which JSON.stringify makes {}. */
const jsonResponse = (body: string, headers: Record<string, string>): Response =>
  new Response(body, { headers: { 'Content-Type': 'application/json', ...headers } })

function revalidatedResponse(request: Request, answer: FieldAnswer<unknown>): Response {
  const body = encodeValue(answer.data)
  const etag = computeEtag(body)
  const headers = { ...fieldHeaders(answer), ...REVALIDATE, ETag: etag }
  if (matchesEtag(request, etag)) return new Response(null, { status: 304, headers })
  return jsonResponse(body, headers)
}

function fieldHeaders({ status, age, timings }: FieldAnswer<unknown>): Record<string, string> {
  return {
    'X-Field-Cache': status,
    Age: String(age),
    'Server-Timing': `cache;desc=${status};dur=${timings.cacheMs.toFixed(1)}, source;dur=${timings.sourceMs.toFixed(1)}`,
  }
}
