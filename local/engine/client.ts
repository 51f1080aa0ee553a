import { createClient, RESP_TYPES } from 'redis'

const RECONNECT_MS = 100
const CONNECT_TIMEOUT_MS = 1_000

/** The `code` of all rejections while the engine is unreachable. */
export const ENGINE_UNREACHABLE = 'ENGINE_UNREACHABLE'

export type Argument = string | Buffer

export type Command = readonly [name: string, ...args: Argument[]]

export interface CommandError {
  readonly error: string
}

/** Status replies are texts, all other strings are bytes. */
export type Reply = null | number | string | Buffer | CommandError | readonly Reply[]

export function isError(value: unknown): value is CommandError {
  return typeof value === 'object' && value !== null && 'error' in value
}

export function unreachable(cause: unknown): Error {
  return Object.assign(new Error('the Redis engine cannot be reached', { cause }), {
    code: ENGINE_UNREACHABLE,
  })
}

export function createConnection(url: string, reconnect: boolean) {
  return createClient({
    url,
    // Its caller may have given up by then, and sent the command again.
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: { reconnectStrategy: reconnect && RECONNECT_MS, connectTimeout: CONNECT_TIMEOUT_MS },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  })
}
