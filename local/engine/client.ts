import { createClient, RESP_TYPES } from 'redis'

const RECONNECT_MS = 100
const CONNECT_TIMEOUT_MS = 1_000

/** The `code` of the error every call rejects with while the engine cannot be reached. */
export const ENGINE_UNREACHABLE = 'ENGINE_UNREACHABLE'

export type Argument = string | Buffer

export type Command = readonly [name: string, ...args: Argument[]]

/** What went wrong, in the engine's words: `ERR …`, `WRONGTYPE …`. */
export interface CommandError {
  readonly error: string
}

/** What an engine answers: status replies as text, all other strings as bytes. */
export type Reply = null | number | string | Buffer | CommandError | readonly Reply[]

/** True for what a failed command leaves, alone or inside another reply. */
export function isError(value: unknown): value is CommandError {
  return typeof value === 'object' && value !== null && 'error' in value
}

export function unreachable(cause: unknown): Error {
  return Object.assign(new Error('the Redis engine cannot be reached', { cause }), {
    code: ENGINE_UNREACHABLE,
  })
}

/** A client that is not connected yet. */
export function createConnection(url: string, reconnect: boolean) {
  return createClient({
    url,
    // A command kept for later would be one the caller has long given up, and might have sent again.
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: { reconnectStrategy: reconnect && RECONNECT_MS, connectTimeout: CONNECT_TIMEOUT_MS },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  })
}
