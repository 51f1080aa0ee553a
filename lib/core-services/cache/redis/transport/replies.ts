import { hasCode } from '../../../../shared/errors'
import { truncateText } from '../../../../shared/text'
import { redisBadReply, redisCommandFailed, redisQuota, redisTooLarge, redisUnauthorized } from '../../errors'
import { REFUSED_ALL, redisReadOnlyToken, refusalError, unwrapReason } from './refusals'

/** Throws a REDIS_ error for an unusable answer. */
export function readReply(status: number, text: string, tokenName: string): unknown {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    if (status === 401 || status === 403) throw redisUnauthorized(tokenName)
    throw redisBadReply(`HTTP ${status} with a body that is not JSON`)
  }
  if (status === 401 || status === 403 || toReplyError(body)?.startsWith('WRONGPASS'))
    throw redisUnauthorized(tokenName)
  if (status >= 300 && toReplyError(body) === undefined)
    throw redisBadReply(`HTTP ${status} without an error text`)
  if (status === 429) throw redisQuota(redact(toReplyError(body) ?? ''))
  if (status >= 500) throw redisBadReply(`HTTP ${status}: ${redact(toReplyError(body) ?? '')}`)
  return body
}

/** Throws the error of a reply. Entries of a batch keep their own, unless Redis refused all of them. */
export function checkReply(reply: unknown, command: string, batch: boolean): unknown {
  if (batch && Array.isArray(reply) && reply.every(isEntry)) {
    const errors = reply.map((entry) => entryError(command, entry))
    if (errors.length > 0 && errors.every((error) => hasCode(error, ...REFUSED_ALL))) throw errors[0]
    return reply
  }
  if (batch && toReplyError(reply) === undefined)
    throw redisBadReply('a batch was not answered with a list of results')
  const reason = toReplyError(reply)
  if (reason !== undefined) throw commandError(command, reason)
  if (!isEntry(reply)) {
    throw redisBadReply('an answer without a result')
  }
  return reply
}

/** Null for a result. */
export function entryError(command: string, entry: unknown): Error | null {
  const reason = toReplyError(entry)
  return reason === undefined ? null : commandError(command, reason)
}

export function commandError(command: string, reason: string): Error {
  const inner = redact(unwrapReason(reason))
  const refusal = refusalError(inner)
  if (refusal) return refusal
  if (/^NOPERM/i.test(inner)) return redisReadOnlyToken(inner)
  const text = redact(reason)
  if (/max (request|single record|key) size exceeded/i.test(text)) return redisTooLarge(text)
  return redisCommandFailed(command, text)
}

function isEntry(reply: unknown): boolean {
  if (typeof reply !== 'object' || reply === null || Array.isArray(reply)) return false
  return 'result' in reply || toReplyError(reply) !== undefined
}

function toReplyError(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined
  return typeof body.error === 'string' ? body.error : undefined
}

/** Removes what can repeat keys and values of the command. */
function redact(text: string): string {
  const harmless = text.replace(/,? (command was:|with args beginning with:).*$|["[{\r\n].*$/is, '')
  return truncateText(harmless, 200)
}
