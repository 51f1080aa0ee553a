/**
 * Commands that are begun in the same tick travel in one request: a page with twenty cold fields waits for three
 * requests, not for sixty. What is billed stays the same.
 */
import type { Command, RawReply } from './send'

/** Sends commands in one request, in order, each with an outcome of its own. */
export type SendTogether = (commands: readonly Command[]) => Promise<PromiseSettledResult<RawReply>[]>

/** A request may have 10 MB; smaller ones keep their deadline. In characters. */
const REQUEST_LIMIT = 1_000_000

interface Asked {
  commands: readonly Command[]
  resolve(replies: RawReply[]): void
  reject(error: unknown): void
}

/** `maxCommands`: how many commands one request takes. */
export function createTickSends(
  sendTogether: SendTogether,
  maxCommands: number,
): (commands: readonly Command[]) => Promise<RawReply[]> {
  let waiting: Asked[] = []

  async function sendBatch(batch: readonly Asked[]): Promise<void> {
    try {
      const settled = await sendTogether(batch.flatMap(({ commands }) => commands))
      let position = 0
      for (const { commands, resolve, reject } of batch) {
        const own = settled.slice(position, position + commands.length)
        position += commands.length
        const failed = own.find((reply) => reply.status === 'rejected')
        if (failed) reject(failed.reason)
        else resolve(own.map((reply) => (reply.status === 'fulfilled' ? reply.value : null)))
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  function flush(): void {
    const asked = waiting
    waiting = []
    let batch: Asked[] = []
    let commands = 0
    let size = 0
    for (const one of asked) {
      const length = one.commands.flat().reduce<number>((sum, argument) => sum + String(argument).length, 0)
      if (
        batch.length > 0 &&
        (commands + one.commands.length > maxCommands || size + length > REQUEST_LIMIT)
      ) {
        void sendBatch(batch)
        batch = []
        commands = 0
        size = 0
      }
      batch.push(one)
      commands += one.commands.length
      size += length
    }
    void sendBatch(batch)
  }

  return (commands) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) queueMicrotask(() => queueMicrotask(flush))
      waiting.push({ commands, resolve, reject })
    })
}
