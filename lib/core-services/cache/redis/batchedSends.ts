/**
 * Commands of the same tick travel in one request: a page with twenty cold fields waits for three requests, not for
 * sixty.
 */

import { createBatching, type PendingQuestion } from './batching'
import type { Command, RawReply } from './pipeline'

/** In one request, in order; each settles by itself. */
export type SendTogether = (commands: readonly Command[]) => Promise<PromiseSettledResult<RawReply>[]>

/** In characters; a request may have 10 MB, but smaller ones meet their deadline. */
const REQUEST_LIMIT = 1_000_000

type Commands = readonly Command[]

export function createBatchedSends(
  sendTogether: SendTogether,
  maxCommands: number,
): (commands: Commands) => Promise<RawReply[]> {
  async function sendBatch(batch: readonly PendingQuestion<Commands, RawReply[]>[]): Promise<void> {
    try {
      const settled = await sendTogether(batch.flatMap(({ question }) => question))
      let position = 0
      for (const { question, resolve, reject } of batch) {
        const own = settled.slice(position, position + question.length)
        position += question.length
        const failed = own.find((reply) => reply.status === 'rejected')
        if (failed) reject(failed.reason)
        else resolve(own.map((reply) => (reply.status === 'fulfilled' ? reply.value : null)))
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  return createBatching(sendBatch, [
    { most: maxCommands, measure: (commands) => commands.length },
    { most: REQUEST_LIMIT, measure: countCharacters },
  ])
}

const countCharacters = (commands: Commands): number =>
  commands.flat().reduce<number>((sum, argument) => sum + String(argument).length, 0)
