/**
 * Sends one request to Airtable. The vendor's package is not used: it cannot be aborted after the headers have come, accepts
 * bodies of any length, and drops the body of a 429.
 */

import { readBoundedText } from '../../../shared/boundedBody'
import { withinDeadline } from '../../../shared/deadline'
import { type CodedError, isCodedError } from '../../../shared/errors'
import type { Ports } from '../../../shared/ports'
import type { AirtableConfig } from '../airtableConfig'
import { airtableTimeout, airtableTooLarge, airtableUnreachable, type RequestTarget } from './airtableErrors'
import { errorFromResponse, type Reply } from './errorResponses'

const AIRTABLE_URL = 'https://api.airtable.com'
/** Fits 100 records of 160 KB. */
const MAX_BYTES = 16 * 1024 * 1024
/** How much of an error body is read, in bytes and as a share of the deadline. */
const MAX_ERROR_BYTES = 64 * 1024
const ERROR_BODY_SHARE = 0.2
/** The longest believable Retry-After, in s. */
const MAX_RETRY_AFTER = 3_600

export interface AirtableRequest<T> {
  /** The request counts against the limit of this base. */
  target: RequestTarget
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  body?: unknown
  /** Whether it may be sent again when its outcome is unknown. */
  repeatable: boolean
  read(text: string): T
}

export type RequestResult<T> =
  | { ok: true; value: T }
  | {
      ok: false
      error: CodedError
      /** How long Airtable asks to wait, in s; undefined if it does not say. */
      retryAfter: number | undefined
    }

/** The deadline covers the last byte of the answer. Rejects only with the reason of `signal` or a control-flow error. */
export async function sendRequest<T>(sending: Sending<T>): Promise<RequestResult<T>> {
  const { ports, signal } = sending
  const report = (code: string | null) => ports.emit({ type: 'airtable.requested', code })
  try {
    const outcome = await sendOnce(sending)
    report(outcome.ok ? null : outcome.error.code)
    return outcome
  } catch (error) {
    if (signal?.aborted) report('ABORTED')
    throw error
  }
}

interface Sending<T> {
  config: AirtableConfig
  request: AirtableRequest<T>
  ports: Pick<Ports, 'clock' | 'alarm' | 'isControlFlow' | 'emit'>
  signal: AbortSignal | undefined
}

async function sendOnce<T>({ config, request, ports, signal }: Sending<T>): Promise<RequestResult<T>> {
  const { clock, alarm, isControlFlow } = ports
  const { pageTimeoutMs } = config
  const { target } = request
  try {
    const reply = await withinDeadline(
      pageTimeoutMs,
      () => airtableTimeout(pageTimeoutMs, target),
      (deadline) => fetchReply(config, request, () => clock.now(), deadline),
      { alarm },
      signal,
    )
    if (reply.ok) return { ok: true, value: request.read(reply.text) }
    return { ok: false, error: errorFromResponse(reply, target), retryAfter: reply.retryAfter }
  } catch (error) {
    if (isControlFlow(error)) throw error
    signal?.throwIfAborted()
    const failure = isCodedError(error) ? error : airtableUnreachable(target, error)
    return { ok: false, error: failure, retryAfter: undefined }
  }
}

async function fetchReply(
  { apiKey, endpointUrl = AIRTABLE_URL, pageTimeoutMs }: AirtableConfig,
  { target, method, path, body }: AirtableRequest<unknown>,
  now: () => number,
  signal: AbortSignal,
): Promise<Reply & { ok: boolean }> {
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(`${endpointUrl}${path}`, {
    method,
    headers: { ...json, authorization: `Bearer ${apiKey}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    cache: 'no-store',
    // Airtable never redirects. A redirect of a proxy is an error, so the key is sent nowhere else.
    redirect: 'manual',
    signal,
  })
  const { status, ok } = response
  const retryAfter = parseRetryAfter(response.headers.get('retry-after'), now)
  if (!ok) {
    const limits = { maxBytes: MAX_ERROR_BYTES, maxMs: pageTimeoutMs * ERROR_BODY_SHARE, signal }
    const { text } = await readBoundedText(response.body, limits)
    return { ok, status, retryAfter, text: text.replaceAll(apiKey, '[key]') }
  }
  const { text, end } = await readBoundedText(response.body, { maxBytes: MAX_BYTES, signal })
  if (end === 'too-long') throw airtableTooLarge(target, MAX_BYTES)
  return { ok, status, retryAfter, text }
}

/** Returns the value in s. The header holds s or a date. */
function parseRetryAfter(header: string | null, now: () => number): number | undefined {
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(Math.ceil(seconds), 1), MAX_RETRY_AFTER)
}
