/** Reads the beginnings of entries. Names are physical. Rejects with REDIS_ errors. */

import { currentInstant } from '../../../../shared/clock'
import type { Ports } from '../../../../shared/ports'
import { buildSnapshot, type Snapshot } from '../../redis/batchedReads'
import type { SendTogether } from '../../redis/batchedSends'
import type { Command, RawReply } from '../../redis/pipeline'
import { headerCommand, readWholeHeader, USUAL_HEADER_BYTES } from './partialEntry'

export interface Head {
  text: string | null
  /** Of the whole entry. */
  bytes: number
}

export interface EntryHeaders {
  /** 2 commands for each entry and 1 for all names, in one request. */
  read(entries: readonly string[], names: readonly string[]): Promise<{ heads: Head[]; snapshot: Snapshot }>
}

export function createEntryHeaders(
  sendTogether: SendTogether,
  { clock }: Pick<Ports, 'clock'>,
): EntryHeaders {
  async function completed(entry: string, { text, bytes }: Head): Promise<Head> {
    if (text === null || bytes <= USUAL_HEADER_BYTES) return { text, bytes }
    return { text: await readWholeHeader(sendTogether, entry, text), bytes }
  }

  return {
    async read(entries, names) {
      const sentAt = currentInstant(clock)
      const [values, ...beginnings] = await sendTogether([
        ['MGET', ...names],
        ...entries.flatMap((entry): Command[] => [headerCommand(entry), ['STRLEN', entry]]),
      ])
      const snapshot = buildSnapshot(names, values ? unwrapReply(values) : null, sentAt)
      const heads = entries.map((entry, index) => {
        const [text, bytes] = beginnings.slice(2 * index, 2 * index + 2)
        return completed(entry, toHead(text, bytes))
      })
      return { heads: await Promise.all(heads), snapshot }
    },
  }
}

type Reply = PromiseSettledResult<RawReply>

function unwrapReply(reply: Reply): RawReply {
  if (reply.status === 'rejected') throw reply.reason
  return reply.value
}

/** A key of another type must not fail the request for all other fields. */
function toHead(text: Reply | undefined, bytes: Reply | undefined): Head {
  if (text?.status !== 'fulfilled' || bytes?.status !== 'fulfilled') return { text: '', bytes: 0 }
  const size = Number(bytes.value)
  return { text: size === 0 ? null : String(text.value), bytes: size }
}
