import { createClient, RESP_TYPES } from 'redis'

const RECONNECT_MS = 100
const CONNECT_TIMEOUT_MS = 1_000

/** The `code` of the error with which every call rejects while the engine is unreachable. */
export const ENGINE_UNREACHABLE = 'ENGINE_UNREACHABLE'

export type Argument = string | Buffer

export type Command = readonly [name: string, ...args: Argument[]]

/** The error text of the engine: `ERR …`, `WRONGTYPE …`. */
export interface CommandError {
  readonly error: string
}

/** A reply of the engine: status replies as text, all other strings as bytes. */
export type Reply = null | number | string | Buffer | CommandError | readonly Reply[]

/** True for the reply of a failed command, alone or inside another reply. */
export function isError(value: unknown): value is CommandError {
  return typeof value === 'object' && value !== null && 'error' in value
}

export function unreachable(cause: unknown): Error {
  return Object.assign(new Error('the Redis engine cannot be reached', { cause }), {
    code: ENGINE_UNREACHABLE,
  })
}

/** Creates a client that is not connected yet. */
export function createConnection(url: string, reconnect: boolean) {
  return createClient({
    url,
    // The caller of a queued command may have given up by then, and have sent it again.
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: { reconnectStrategy: reconnect && RECONNECT_MS, connectTimeout: CONNECT_TIMEOUT_MS },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  })
}
