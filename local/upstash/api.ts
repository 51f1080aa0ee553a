import { isAuthorized } from './auth'
import { encodeOutcome } from './encoding'
import type { Executor } from './executor'
import { MAX_BODY_BYTES, tooLargeText } from './limits'
import { parseBatchBody, parseCommandBody, parsePath } from './parse'
import {
  type CommandError,
  isError,
  type Outcome,
  type RestAnswer,
  type RestHandler,
  type RestRequest,
} from './types'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT']

/** An error as the vendor sends it. */
export const fail = (status: number, error: string): RestAnswer => ({
  status,
  body: JSON.stringify({ error }),
})

const notAllowed = (allow: readonly string[]): RestAnswer => ({
  ...fail(405, 'ERR method not allowed'),
  headers: { allow: allow.join(', ') },
})

const wantsBase64 = ({ headers }: RestRequest): boolean => headers['upstash-encoding'] === 'base64'

function answerOne(outcome: Outcome, base64: boolean): RestAnswer {
  return { status: isError(outcome) ? 400 : 200, body: JSON.stringify(encodeOutcome(outcome, base64)) }
}

function answerMany(outcomes: readonly Outcome[] | CommandError, base64: boolean): RestAnswer {
  if (isError(outcomes)) return fail(400, outcomes.error)
  return { status: 200, body: JSON.stringify(outcomes.map((outcome) => encodeOutcome(outcome, base64))) }
}

async function runBatch(
  request: RestRequest,
  run: Executor['runPipeline'] | Executor['runTransaction'],
): Promise<RestAnswer> {
  if (request.method !== 'POST') return notAllowed(['POST'])
  const commands = parseBatchBody(request.body)
  return answerMany(isError(commands) ? commands : await run(commands), wantsBase64(request))
}

async function route(request: RestRequest, executor: Executor): Promise<RestAnswer> {
  const path = request.path.replace(/(?<=.)\/$/, '')
  if (path === '/pipeline') return runBatch(request, executor.runPipeline)
  if (path === '/multi-exec') return runBatch(request, executor.runTransaction)
  const command = path === '/' ? parseCommandBody(request.body) : parsePath({ ...request, path })
  return answerOne(await executor.run(command), wantsBase64(request))
}

/** The REST API over an executor; rejects only while the engine cannot be reached. */
export function createApi({ token, executor }: { token: string; executor: Executor }): RestHandler {
  return async (request) => {
    if (!isAuthorized(request, token)) return fail(401, 'WRONGPASS invalid or missing auth token')
    if (!METHODS.includes(request.method)) return notAllowed(METHODS)
    if (request.bodyBytes > MAX_BODY_BYTES) return fail(400, tooLargeText(request.bodyBytes))
    const format = request.headers['upstash-response-format'] ?? 'json'
    if (format !== 'json') return fail(400, `ERR response format ${format} is not supported here`)
    const answer = await route(request, executor)
    const bytes = Buffer.byteLength(answer.body)
    return bytes > MAX_BODY_BYTES ? fail(400, tooLargeText(bytes)) : answer
  }
}
