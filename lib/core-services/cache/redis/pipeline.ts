import { redisBadReply } from '../errors'
import { commandError } from './transport/replies'
import type { Transport } from './transport/transport'

export type Argument = string | number
export type RawReply = string | number | null | RawReply[]
export type Command = readonly [string, ...Argument[]]
/** Rejects with a REDIS_ error. */
export type Send = (command: string, ...args: Argument[]) => Promise<RawReply>

export const sendSingly =
  ({ request }: Pick<Transport, 'request'>): Send =>
  async (...command) => {
    const { result } = await request<RawReply>({ body: command })
    return result as RawReply
  }

export interface Batch {
  send: Send
  /** In one request. Each command settles by itself. */
  flush(): Promise<void>
}

interface Queued {
  command: [string, ...Argument[]]
  resolve(reply: RawReply): void
  reject(error: unknown): void
}

export function createBatch(transport: Transport): Batch {
  const queue: Queued[] = []
  return {
    send: (...command) => new Promise((resolve, reject) => queue.push({ command, resolve, reject })),
    async flush() {
      if (queue.length === 0) return
      try {
        const body = queue.map(({ command }) => command)
        const replies: unknown = await transport.request({ path: ['pipeline'], body })
        if (!isPipelineReply(replies, queue.length))
          throw redisBadReply('a pipeline answered in another shape')
        for (const [index, { command, resolve, reject }] of queue.entries()) {
          const { error, result = null } = replies[index] ?? {}
          if (error !== undefined) reject(commandError(command[0], error))
          else resolve(result)
        }
      } catch (error) {
        for (const { reject } of queue) reject(error)
      }
    },
  }
}

/** Each command settles by itself. Rejects when the request fails. */
export async function sendTogether(
  transport: Transport,
  commands: readonly Command[],
): Promise<PromiseSettledResult<RawReply>[]> {
  const batch = createBatch(transport)
  const outcomes = Promise.allSettled(commands.map(([command, ...args]) => batch.send(command, ...args)))
  await batch.flush()
  return outcomes
}

interface PipelineReply {
  result?: RawReply
  error?: string
}

function isPipelineReply(replies: unknown, length: number): replies is PipelineReply[] {
  return Array.isArray(replies) && replies.length === length
}
