/** Reads the header of an entry in growing lengths: only the header tells how long it is. */

import { hasCode } from '../../../../shared/errors'
import { isForeignEntry } from '../../entry/entry'
import type { SendTogether } from '../../redis/batchedSends'
import type { Command, RawReply } from '../../redis/pipeline'

/** Nearly every header is shorter. */
export const USUAL_HEADER_BYTES = 2_048
/** Enough for a thousand usual tags, then the longest text of Redis. */
const MORE_BYTES = [512_000, 2 ** 29] as const

export const headerCommand = (name: string, bytes = USUAL_HEADER_BYTES): Command => [
  'GETRANGE',
  name,
  0,
  bytes - 1,
]

/** 1 or 2 commands more, for long headers alone. */
export async function readWholeHeader(
  sendTogether: SendTogether,
  name: string,
  text: string,
): Promise<string> {
  let head = text
  for (const bytes of MORE_BYTES) {
    if (head.includes('\n') || !isForeignEntry(head)) return head
    const [reply] = await sendTogether([headerCommand(name, bytes)])
    head = (reply && toText(reply)) ?? ''
  }
  return head
}

/** Null for a key of another type. Throws every other error of Redis. */
export function toText(reply: PromiseSettledResult<RawReply>): string | null {
  if (reply.status === 'fulfilled') return String(reply.value ?? '')
  if (hasCode(reply.reason, 'REDIS_COMMAND_FAILED')) return null
  throw reply.reason
}
