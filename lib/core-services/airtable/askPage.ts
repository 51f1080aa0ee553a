/**
 * One conversation with Airtable. The vendor's package is not used for it: it cannot be aborted once headers have come,
 * takes bodies of any length, and throws away what the body of a 429 says.
 */
import type { AirtableConfig } from '../../config/airtableConfig'
import { withinDeadline } from '../cache/engine/deadline'
import { type CodedError, isCodedError } from '../cache/engine/errors'
import type { Ports } from '../cache/engine/ports'
import { airtableTimeout, airtableTooLarge, airtableUnreachable, type Target } from './airtableErrors'
import { readBounded } from './boundedBody'
import { type Page, pageRequest, readPage } from './page'
import { type Reply, refusalError } from './refusals'

const AIRTABLE_URL = 'https://api.airtable.com'
/** Enough for 100 records of 160 KB. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024
/** What is read of an error body, and in which part of the deadline: more of it would tell nothing more. */
const MAX_ERROR_BYTES = 64 * 1024
const ERROR_BODY_SHARE = 0.2
/** The longest time that is believed when Airtable asks to wait, in seconds. */
const MAX_RETRY_AFTER = 3_600

export type PageOutcome =
  | { ok: true; page: Page }
  | {
      ok: false
      error: CodedError
      /** How long Airtable asks to wait, in seconds, if it says so. */
      retryAfter: number | undefined
    }

/**
 * Asks for a page within the deadline for it, which holds until its last byte has come; at the deadline the connection
 * is closed. Rejects with the signal's reason, and with errors by which the framework steers.
 */
export async function askPage(
  config: AirtableConfig,
  target: Target,
  offset: string | undefined,
  { clock, isControlFlow }: Pick<Ports, 'clock' | 'isControlFlow'>,
  signal: AbortSignal | undefined,
): Promise<PageOutcome> {
  const { pageTimeoutMs } = config
  try {
    const reply = await withinDeadline(
      pageTimeoutMs,
      () => airtableTimeout(pageTimeoutMs, target),
      (deadline) => converse(config, target, offset, () => clock.now(), deadline),
      signal,
    )
    if (reply.status === 200) return { ok: true, page: readPage(reply.text, target) }
    return { ok: false, error: refusalError(reply, target), retryAfter: reply.retryAfter }
  } catch (error) {
    if (isControlFlow(error)) throw error
    signal?.throwIfAborted()
    const failure = isCodedError(error) ? error : airtableUnreachable(target, error)
    return { ok: false, error: failure, retryAfter: undefined }
  }
}

async function converse(
  { apiKey, endpointUrl = AIRTABLE_URL, pageTimeoutMs }: AirtableConfig,
  target: Target,
  offset: string | undefined,
  now: () => number,
  signal: AbortSignal,
): Promise<Reply> {
  const { url, init } = pageRequest(endpointUrl, target, offset)
  const response = await fetch(url, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${apiKey}` },
    cache: 'no-store',
    // Airtable never redirects: a proxy that does gets an error with its name on it, and the key goes nowhere else.
    redirect: 'manual',
    signal,
  })
  const { status } = response
  const retryAfter = retryAfterOf(response.headers.get('retry-after'), now)
  if (status !== 200) {
    // Without the rest of its body the status still tells what an error is.
    const { text } = await readBounded(response, MAX_ERROR_BYTES, signal, pageTimeoutMs * ERROR_BODY_SHARE)
    return { status, retryAfter, text: text.replaceAll(apiKey, '[key]') }
  }
  const { text, whole } = await readBounded(response, MAX_PAGE_BYTES, signal)
  if (!whole) throw airtableTooLarge(target, MAX_PAGE_BYTES)
  return { status, retryAfter, text }
}

/** Seconds, from a number of them or from a date. */
function retryAfterOf(header: string | null, now: () => number): number | undefined {
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(Math.ceil(seconds), 1), MAX_RETRY_AFTER)
}
