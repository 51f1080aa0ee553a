import { type CommandError, isError, type Outcome, type Reply } from './types'

/** A reply as it stands in the JSON body. */
export type JsonReply = null | number | string | JsonReply[]

const OK = 'OK'

function encodeReply(reply: Reply, base64: boolean, nested: boolean): JsonReply {
  if (reply === null || typeof reply === 'number') return reply
  if (Buffer.isBuffer(reply)) {
    // Clients decode every string inside an array, so only an OK on its own may stay as it is.
    const plain = !base64 || (!nested && reply.equals(Buffer.from(OK)))
    return reply.toString(plain ? 'utf8' : 'base64')
  }
  if (isError(reply)) return encodeReply(Buffer.from(reply.error), base64, true)
  return reply.map((item) => encodeReply(item, base64, true))
}

/** An outcome as JSON: strings in base64 if asked for, error texts never. */
export function encodeOutcome(outcome: Outcome, base64: boolean): { result: JsonReply } | CommandError {
  return isError(outcome) ? outcome : { result: encodeReply(outcome.result, base64, false) }
}
