import type { Readable } from 'node:stream'
import { ErrorReply } from 'redis'
import { type Command, type CommandError, createConnection, isError, type Reply, unreachable } from './client'
import { openStream } from './stream'

export {
  type Argument,
  type Command,
  type CommandError,
  ENGINE_UNREACHABLE,
  isError,
  type Reply,
} from './client'

/** Calls never wait for a connection: without one they reject at once. */
export interface EngineConnection {
  run(command: Command): Promise<Reply>
  /** Sends MULTI … EXEC in one turn. Resolves with an error when the engine discarded the transaction. */
  runTransaction(commands: readonly Command[]): Promise<readonly Reply[] | CommandError>
  /** The arguments that the engine treats as keys; none for a command that it would refuse. */
  findKeys(command: Command): Promise<readonly string[]>
  /** Whether the engine classifies a command, or one of its subcommands, as a read. */
  isRead(name: string): Promise<boolean>
  /** See stream.ts. The stream ends with this connection at the latest. */
  openStream(command: Command): Promise<Readable>
  connected(): Promise<void>
  close(): void
}

function toReply(value: unknown): Reply {
  if (value === null || typeof value === 'number' || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(toReply)
  return value instanceof ErrorReply ? { error: value.message } : String(value)
}

/** Any error other than a refusal means that the engine is unreachable. */
async function settle(sent: Promise<unknown>): Promise<Reply> {
  try {
    return toReply(await sent)
  } catch (error) {
    if (error instanceof ErrorReply) return { error: error.message }
    throw unreachable(error)
  }
}

/** Resolves after the first attempt, whether it succeeded or not, and keeps trying in the background. */
export async function connectEngine(url: string): Promise<EngineConnection> {
  const client = createConnection(url, true)
  const attempted = new Promise<unknown>((resolve) => client.on('error', resolve).on('ready', resolve))
  client.connect().catch(() => undefined)
  await attempted

  const streams = new Set<Readable>()
  const run = (command: Command): Promise<Reply> => settle(client.sendCommand(command))
  return {
    run,
    runTransaction: async (commands) => {
      // Queued in one turn of the event loop, so that no other command on this connection comes in between.
      const sent = [['MULTI'], ...commands, ['EXEC']].map((command) => client.sendCommand(command))
      const replies = await Promise.all(sent.map(settle))
      // EXEC reports only that the transaction was discarded. The refused command before it shows why.
      const reply = replies.find(isError) ?? replies.at(-1)
      return isError(reply) ? reply : (reply as readonly Reply[])
    },
    findKeys: async (command) => {
      const keys = await run(['COMMAND', 'GETKEYS', ...command])
      return Array.isArray(keys) ? keys.map(String) : []
    },
    isRead: async (name) =>
      String(await run(['COMMAND', 'INFO', name]))
        .split(',')
        .includes('@read'),
    openStream: async (command) => {
      const stream = await openStream(url, command)
      streams.add(stream)
      return stream.once('close', () => streams.delete(stream))
    },
    connected: async () => {
      // A dead connection looks ready until the client notices, so only an answer counts.
      while (!(await run(['PING']).catch(() => undefined))) {
        if (!client.isReady) await new Promise((resolve) => client.once('ready', resolve))
      }
    },
    close: () => {
      for (const stream of streams) stream.destroy()
      if (client.isOpen) client.destroy()
    },
  }
}
