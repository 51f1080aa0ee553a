import type { RestAnswer } from './rest'

/** In bytes: the vendor's limit for every plan without an extra charge. */
export const MAX_BODY_BYTES = 10_485_760

const REFUSED = 'REFUSED'

/** The other commands of a pipeline still run. */
export function refuse(text: string): never {
  throw Object.assign(new Error(text), { code: REFUSED })
}

export const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && error.code === REFUSED

export function checkSize(bytes: number): void {
  if (bytes <= MAX_BODY_BYTES) return
  refuse(`ERR max request size exceeded. Limit: ${MAX_BODY_BYTES} bytes, Actual: ${bytes} bytes`)
}

export function fail(status: number, error: string): RestAnswer {
  return { status, body: JSON.stringify({ error }) }
}

export const unauthorized = fail(401, 'WRONGPASS invalid or missing auth token')

export function notAllowed(...allow: string[]): RestAnswer {
  return { ...fail(405, 'ERR method not allowed'), headers: { allow: allow.join(', ') } }
}

/** The vendor documents neither 429 nor 500, so their texts are invented. */
export const FAULT_ANSWERS = {
  unauthorized,
  'rate-limit': fail(429, 'ERR too many requests'),
  error: fail(500, 'ERR internal error'),
  'bad-gateway': { status: 502, body: '<h1>502 Bad Gateway</h1>', headers: { 'content-type': 'text/html' } },
  garbage: { status: 200, body: '{"result":"OK' },
  'wrong-shape': { status: 200, body: '{"data":{}}' },
}
