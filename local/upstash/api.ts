import { createHash, timingSafeEqual } from 'node:crypto'
import { Readable } from 'node:stream'
import { isError } from '../engine/connection'
import { encodeReplies, encodeReply, type Format } from './encode'
import { checkSize, notAllowed, refuse, unauthorized } from './errors'
import type { Executor } from './executor'
import { parseBatch, parseJson, parsePath } from './parse'
import type { RestAnswer, RestRequest } from './rest'
import { quotaExceeded, type Rule, readsOnly } from './rules'

/** Rejects with a refusal, or while the engine is unreachable. */
export type Api = (request: RestRequest, fault?: 'quota') => Promise<RestAnswer>

const METHODS = ['GET', 'HEAD', 'POST', 'PUT']
const BEARER = /^bearer +(\S+) *$/i
const STREAM = /^\/(monitor$|p?subscribe\/.)/i

const everything: Rule = () => undefined

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
const equal = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

/** The query is used only without an Authorization header. */
function readToken({ headers: { authorization }, query }: RestRequest): string {
  return (authorization ? BEARER.exec(authorization)?.[1] : query.get('_token')) ?? ''
}

function parseFormat({ headers, path }: RestRequest): Format {
  const base64 = headers['upstash-encoding'] === 'base64'
  const format = headers['upstash-response-format'] ?? 'json'
  if (format === 'json') return base64 ? 'base64' : 'json'
  if (format !== 'resp2' || base64) return refuse('ERR unsupported response format or encoding')
  return path === '/multi-exec' ? 'json' : 'resp2'
}

export function createApi(executor: Executor, token: string, readOnlyToken: string): Api {
  const permission = (request: RestRequest): Rule | undefined => {
    const given = readToken(request)
    return equal(given, token) ? everything : equal(given, readOnlyToken) ? readsOnly : undefined
  }
  const route = async (request: RestRequest, rule: Rule, format: Format): Promise<RestAnswer> => {
    const { method, path, body } = request
    if (path === '/pipeline' || path === '/multi-exec') {
      if (method !== 'POST') return notAllowed('POST')
      const run = path === '/pipeline' ? executor.runPipeline : executor.runTransaction
      return { status: 200, body: encodeReplies(await run(parseBatch(body), rule), format) }
    }
    if (STREAM.test(path)) {
      if (method !== 'GET' && method !== 'POST') return notAllowed('GET', 'POST')
      // Clients send an empty command as the body, which is not a channel.
      const command = parsePath({ ...request, body: Buffer.alloc(0) })
      return { status: 200, body: await executor.openStream(command, rule) }
    }
    const reply = await executor.run(path === '/' ? parseJson(body) : parsePath(request), rule)
    return { status: isError(reply) ? 400 : 200, body: encodeReply(reply, format) }
  }

  return async (original, fault) => {
    const request = { ...original, path: original.path.replace(/(?<=.)\/$/, '') }
    const rule = permission(request)
    if (rule === undefined) return unauthorized
    if (!METHODS.includes(request.method)) return notAllowed(...METHODS)
    checkSize(request.bodyBytes)
    const answer = await route(request, fault === 'quota' ? quotaExceeded : rule, parseFormat(request))
    if (!(answer.body instanceof Readable)) checkSize(Buffer.byteLength(answer.body))
    return answer
  }
}
