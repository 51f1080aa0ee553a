/**
 * One conversation with Airtable. The vendor's package is not used for it: it cannot be aborted once headers have come,
 * takes bodies of any length, and throws away what the body of a 429 says.
 */

import { readBoundedText } from '../../../shared/boundedBody'
import { withinDeadline } from '../../../shared/deadline'
import { type CodedError, isCodedError } from '../../../shared/errors'
import type { Ports } from '../../../shared/ports'
import type { AirtableConfig } from '../airtableConfig'
import { airtableTimeout, airtableTooLarge, airtableUnreachable, type RequestTarget } from './airtableErrors'
import { errorFromResponse, type Reply } from './errorResponses'

const AIRTABLE_URL = 'https://api.airtable.com'
/** Enough for 100 records of 160 KB. */
const MAX_BYTES = 16 * 1024 * 1024
/** What is read of an error body, and in which part of the deadline: more of it would tell nothing more. */
const MAX_ERROR_BYTES = 64 * 1024
const ERROR_BODY_SHARE = 0.2
/** The longest time that is believed when Airtable asks to wait, in seconds. */
const MAX_RETRY_AFTER = 3_600

/** Something to ask of Airtable. */
export interface AirtableRequest<T> {
  /** What it is about; its base is the one whose limit it counts against. */
  subject: RequestTarget
  method: 'GET' | 'POST' | 'DELETE'
  /** What follows the address of the server, query included. */
  path: string
  /** Sent as JSON. */
  body?: unknown
  /** Whether it may be sent again when nobody knows what became of it. */
  repeatable: boolean
  /** Makes something of the body of a good answer; throws AIRTABLE_BAD_REPLY for what is not Airtable's. */
  read(text: string): T
}

export type RequestResult<T> =
  | { ok: true; value: T }
  | {
      ok: false
      error: CodedError
      /** How long Airtable asks to wait, in seconds, if it says so. */
      retryAfter: number | undefined
    }

/**
 * Asks within the deadline for a request, which holds until the last byte of the answer has come; at the deadline the
 * connection is closed. Rejects with the signal's reason, and with errors by which the framework steers.
 */
export async function ask<T>(
  config: AirtableConfig,
  request: AirtableRequest<T>,
  ports: RequestPorts,
  signal: AbortSignal | undefined,
): Promise<RequestResult<T>> {
  const tell = (code: string | null) => ports.emit({ type: 'airtable.requested', code })
  try {
    const outcome = await sendOnce(config, request, ports, signal)
    tell(outcome.ok ? null : outcome.error.code)
    return outcome
  } catch (error) {
    if (signal?.aborted) tell('ABORTED')
    throw error
  }
}

type RequestPorts = Pick<Ports, 'clock' | 'alarm' | 'isControlFlow' | 'emit'>

async function sendOnce<T>(
  config: AirtableConfig,
  request: AirtableRequest<T>,
  { clock, alarm, isControlFlow }: RequestPorts,
  signal: AbortSignal | undefined,
): Promise<RequestResult<T>> {
  const { pageTimeoutMs } = config
  const { subject } = request
  try {
    const reply = await withinDeadline(
      pageTimeoutMs,
      () => airtableTimeout(pageTimeoutMs, subject),
      (deadline) => fetchReply(config, request, () => clock.now(), deadline),
      { alarm },
      signal,
    )
    if (reply.ok) return { ok: true, value: request.read(reply.text) }
    return { ok: false, error: errorFromResponse(reply, subject), retryAfter: reply.retryAfter }
  } catch (error) {
    if (isControlFlow(error)) throw error
    signal?.throwIfAborted()
    const failure = isCodedError(error) ? error : airtableUnreachable(subject, error)
    return { ok: false, error: failure, retryAfter: undefined }
  }
}

async function fetchReply(
  { apiKey, endpointUrl = AIRTABLE_URL, pageTimeoutMs }: AirtableConfig,
  { subject, method, path, body }: AirtableRequest<unknown>,
  now: () => number,
  signal: AbortSignal,
): Promise<Reply & { ok: boolean }> {
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(`${endpointUrl}${path}`, {
    method,
    headers: { ...json, authorization: `Bearer ${apiKey}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    cache: 'no-store',
    // Airtable never redirects: a proxy that does gets an error with its name on it, and the key goes nowhere else.
    redirect: 'manual',
    signal,
  })
  const { status, ok } = response
  const retryAfter = parseRetryAfter(response.headers.get('retry-after'), now)
  if (!ok) {
    // Without the rest of its body the status still tells what an error is.
    const limits = { maxBytes: MAX_ERROR_BYTES, maxMs: pageTimeoutMs * ERROR_BODY_SHARE, signal }
    const { text } = await readBoundedText(response.body, limits)
    return { ok, status, retryAfter, text: text.replaceAll(apiKey, '[key]') }
  }
  const { text, end } = await readBoundedText(response.body, { maxBytes: MAX_BYTES, signal })
  if (end === 'too-long') throw airtableTooLarge(subject, MAX_BYTES)
  return { ok, status, retryAfter, text }
}

/** Seconds, from a number of them or from a date. */
function parseRetryAfter(header: string | null, now: () => number): number | undefined {
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(Math.ceil(seconds), 1), MAX_RETRY_AFTER)
}
