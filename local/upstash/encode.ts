import { type CommandError, isError, type Reply } from '../engine/connection'

/** JSON, JSON with strings in base64, or the protocol of Redis. */
export type Format = 'json' | 'base64' | 'resp2'

type Json = null | number | string | Json[]

function toJson(reply: Reply, base64: boolean, nested = false): Json {
  if (reply === null || typeof reply === 'number') return reply
  if (typeof reply === 'string' || Buffer.isBuffer(reply)) {
    // Clients decode every string inside an array, so only an OK on its own may stay plain.
    const plain = !base64 || (!nested && reply.length === 2 && reply.toString() === 'OK')
    return plain ? reply.toString() : Buffer.from(reply).toString('base64')
  }
  return isError(reply) ? toJson(reply.error, base64, true) : reply.map((item) => toJson(item, base64, true))
}

/** Error texts are in base64 only inside another reply. */
const toEntry = (reply: Reply, base64: boolean): { result: Json } | CommandError =>
  isError(reply) ? reply : { result: toJson(reply, base64) }

function toResp2(reply: Reply): Buffer {
  if (Buffer.isBuffer(reply))
    return Buffer.concat([Buffer.from(`$${reply.length}\r\n`), reply, Buffer.from('\r\n')])
  if (reply === null) return Buffer.from('$-1\r\n')
  if (typeof reply === 'number') return Buffer.from(`:${reply}\r\n`)
  if (typeof reply === 'string') return Buffer.from(`+${reply}\r\n`)
  if (isError(reply)) return Buffer.from(`-${reply.error}\r\n`)
  return Buffer.concat([Buffer.from(`*${reply.length}\r\n`), ...reply.map(toResp2)])
}

export const encodeReply = (reply: Reply, format: Format): string | Buffer =>
  format === 'resp2' ? toResp2(reply) : JSON.stringify(toEntry(reply, format === 'base64'))

/** In resp2 the replies follow each other as on a connection. */
export const encodeReplies = (replies: readonly Reply[], format: Format): string | Buffer =>
  format === 'resp2'
    ? Buffer.concat(replies.map(toResp2))
    : JSON.stringify(replies.map((reply) => toEntry(reply, format === 'base64')))
