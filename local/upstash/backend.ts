import { createClient, ErrorReply, RESP_TYPES } from 'redis'
import type { ShebangSupport } from './shebang'
import { type Command, type CommandError, isError, type Outcome, type Reply } from './types'

const RECONNECT_MS = 100
const CONNECT_TIMEOUT_MS = 1_000
const SHEBANG_PROBE: Command = ['EVAL', '#!lua\nreturn 1', '0']

/** The `code` of the error every call rejects with while the engine cannot be reached. */
export const ENGINE_UNREACHABLE = 'ENGINE_UNREACHABLE'

/** One connection to the engine. Nothing waits for it: without a connection every call rejects at once. */
export interface Backend {
  run(command: Command): Promise<Outcome>
  /** MULTI … EXEC in one turn: an error instead of an array when the engine discarded the whole. */
  runTransaction(commands: readonly Command[]): Promise<Outcome[] | CommandError>
  shebangSupport(): Promise<ShebangSupport>
  /** Resolves once the engine has answered. */
  connected(): Promise<void>
  close(): void
}

function toReply(value: unknown): Reply {
  if (value === null || typeof value === 'number' || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(toReply)
  if (value instanceof ErrorReply) return { error: value.message }
  return Buffer.from(String(value))
}

// Array.isArray does not narrow readonly arrays.
const isArray = (reply: Reply): reply is readonly Reply[] => Array.isArray(reply)

function unreachable(cause: unknown): Error {
  return Object.assign(new Error('the Redis engine cannot be reached', { cause }), {
    code: ENGINE_UNREACHABLE,
  })
}

/** Turns what the engine refused into an outcome, and everything else into "cannot be reached". */
async function settle(sent: Promise<unknown>): Promise<Outcome> {
  try {
    return { result: toReply(await sent) }
  } catch (error) {
    if (error instanceof ErrorReply) return { error: error.message }
    throw unreachable(error)
  }
}

function createConnection(url: string) {
  return createClient({
    url,
    // A command kept for later would be one the caller has long given up, and might have sent again.
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: { reconnectStrategy: RECONNECT_MS, connectTimeout: CONNECT_TIMEOUT_MS },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: Buffer } },
  })
}

/** Connects, and keeps trying when it must; resolves after the first attempt, whether it succeeded or not. */
export async function connectBackend(url: string): Promise<Backend> {
  const client = createConnection(url)
  let support: Promise<ShebangSupport> | undefined
  const attempted = new Promise<void>((resolve) => {
    client.on('error', () => resolve())
    client.on('ready', () => {
      support = undefined
      resolve()
    })
  })
  client.connect().catch(() => undefined)
  await attempted

  const run = (command: Command): Promise<Outcome> => settle(client.sendCommand(command))
  const probeShebang = async (): Promise<ShebangSupport> =>
    isError(await run(SHEBANG_PROBE)) ? 'none' : 'flags'

  return {
    run,
    runTransaction: async (commands) => {
      // Queued in one turn of the event loop, so that nothing else on this connection can come in between.
      const sent = [['MULTI'], ...commands, ['EXEC']].map((command) => client.sendCommand(command))
      const [, ...outcomes] = await Promise.all(sent.map(settle))
      // EXEC only says that the transaction was discarded; the command that was refused before it says why.
      const refused = outcomes.find(isError)
      if (refused !== undefined) return refused
      const exec = outcomes.at(-1)
      const replies = exec !== undefined && !isError(exec) && isArray(exec.result) ? exec.result : []
      return replies.map((reply) => (isError(reply) ? reply : { result: reply }))
    },
    shebangSupport: () => {
      support ??= probeShebang().catch((error: unknown) => {
        support = undefined
        throw error
      })
      return support
    },
    connected: async () => {
      // A connection looks ready until its end has been noticed, so only an answer counts.
      while (!(await run(['PING']).catch(() => undefined))) {
        if (!client.isReady) await new Promise((resolve) => client.once('ready', resolve))
      }
    },
    close: () => {
      if (client.isOpen) client.destroy()
    },
  }
}
