/**
 * Redis answers and refuses. Upstash marks the reason by the beginning of the text alone, and wraps that text in
 * scripts, transactions and pipelines.
 */

import { type CodedError, codedError, hasCode } from '../../../../shared/errors'
import { redisQuota } from '../../errors'

/** Reads work; writes do not until an operator repairs the database. */
export const REFUSED_WRITES = ['REDIS_FULL', 'REDIS_READ_ONLY', 'REDIS_CANNOT_PERSIST'] as const
/** Reads are refused too. */
export const REFUSED_ALL = ['REDIS_LOADING', 'REDIS_QUOTA'] as const
/** A write was certainly not executed. */
export const NEVER_DONE = [
  ...REFUSED_WRITES,
  ...REFUSED_ALL,
  'REDIS_UNAUTHORIZED',
  'REDIS_TOO_LARGE',
  'REDIS_COMMAND_FAILED',
] as const

/** Put before the error by scripts, transactions, pipelines and clients. */
const WRAPPING =
  /^(?:-|ERR\s+|Command \d+ \[[^\]]*\] failed:\s*|EXECABORT Transaction discarded because of:\s*|Error running script[^:]*:\s*|@?user_script\s*:\s*\d+:\s*)/i

export function unwrapReason(reason: string): string {
  const inner = reason.replace(WRAPPING, '')
  return inner === reason ? reason : unwrapReason(inner)
}

/** For an unwrapped text; undefined when it is not a known refusal. */
export function refusalError(text: string): CodedError | undefined {
  if (/^OOM\b|^command not allowed when used memory|capacity quota exceeded/i.test(text))
    return redisFull(text)
  if (/^READONLY\b|^You can't write against a read only/i.test(text)) return redisReadOnly(text)
  if (/^(?:MISCONF|NOREPLICAS)\b/i.test(text)) return redisCannotPersist(text)
  if (/^(?:LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b/i.test(text)) return redisLoading(text)
  if (/max (?:daily )?requests? limit exceeded/i.test(text)) return redisQuota(text)
  return undefined
}

export function refusesWrites(error: unknown): error is CodedError {
  return (
    hasCode(error, ...REFUSED_WRITES) || (hasCode(error, 'REDIS_UNAUTHORIZED') && error.onlyReads === true)
  )
}

export const redisReadOnlyToken = (reason: string): CodedError =>
  Object.assign(
    codedError('REDIS_UNAUTHORIZED', `Redis does not allow this to the token: ${reason}`, {
      hint: 'It is the read-only token: copy the other one.',
    }),
    { onlyReads: true },
  )

const redisFull = (reason: string): CodedError =>
  codedError('REDIS_FULL', `Redis is full and takes no value: ${reason}`, {
    hint: 'Delete keys (cache.deleteByPattern), raise maxmemory or the plan, or let Redis evict keys.',
    retryAfter: 60,
  })

const redisReadOnly = (reason: string): CodedError =>
  codedError('REDIS_READ_ONLY', `Redis is a read-only replica and takes no value: ${reason}`, {
    hint: 'Let the URL lead to the primary: after a failover it may be another server than before.',
    retryAfter: 30,
  })

const redisCannotPersist = (reason: string): CodedError =>
  codedError('REDIS_CANNOT_PERSIST', `Redis takes no value because it could not keep it safe: ${reason}`, {
    hint: 'Look at the log of Redis: its disk is full or not writable, or too few replicas follow it.',
    retryAfter: 60,
  })

const redisLoading = (reason: string): CodedError =>
  codedError('REDIS_LOADING', `Redis is there and not ready yet: ${reason}`, {
    hint: 'It answers once it has loaded its data, or has found its primary; nothing has to be done here.',
    retryAfter: 5,
  })
