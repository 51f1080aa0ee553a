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

/** Nothing waits for the engine: without a connection every call rejects at once. */
export interface EngineConnection {
  run(command: Command): Promise<Reply>
  /** MULTI … EXEC in one turn: an error instead of an array when the engine discarded the whole. */
  runTransaction(commands: readonly Command[]): Promise<readonly Reply[] | CommandError>
  /** Which of a command's arguments the engine takes for keys; none for a command it would refuse. */
  findKeys(command: Command): Promise<readonly string[]>
  /** Whether the engine counts a command, or one of its subcommands, among the reads. */
  isRead(name: string): Promise<boolean>
  /** The replies of a command that has no end to them, see ./stream; they end with this connection at the latest. */
  openStream(command: Command): Promise<Readable>
  /** Resolves once the engine has answered. */
  connected(): Promise<void>
  close(): void
}

function toReply(value: unknown): Reply {
  if (value === null || typeof value === 'number' || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(toReply)
  return value instanceof ErrorReply ? { error: value.message } : String(value)
}

/** What the engine refuses is a reply; everything else means that it cannot be reached. */
async function settle(sent: Promise<unknown>): Promise<Reply> {
  try {
    return toReply(await sent)
  } catch (error) {
    if (error instanceof ErrorReply) return { error: error.message }
    throw unreachable(error)
  }
}

/** Connects, and keeps trying when it must; resolves after the first attempt, whether it succeeded or not. */
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
      // Queued in one turn of the event loop, so that nothing else on this connection can come in between.
      const sent = [['MULTI'], ...commands, ['EXEC']].map((command) => client.sendCommand(command))
      const replies = await Promise.all(sent.map(settle))
      // EXEC only says that the transaction was discarded; the command that was refused before it says why.
      const outcome = replies.find(isError) ?? replies.at(-1)
      return isError(outcome) ? outcome : (outcome as readonly Reply[])
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
      // A connection looks ready until its end has been noticed, so only an answer counts.
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
