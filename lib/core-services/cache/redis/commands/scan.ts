/** Walks the whole key space, some names at a time: for administration, too slow for a request. */
import { redisBadReply } from '../../errors'
import type { RawReply, Send } from '../pipeline'

/** Names that match, as they come: a name can come more than once. `effort`: how much one command looks at. */
export async function* scan(send: Send, pattern: string, effort: number): AsyncGenerator<string[]> {
  let cursor = '0'
  do {
    const [next, names] = scanReply(await send('SCAN', cursor, 'MATCH', pattern, 'COUNT', effort))
    yield names
    cursor = next
  } while (cursor !== '0')
}

function scanReply(reply: RawReply): [cursor: string, names: string[]] {
  if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw redisBadReply('SCAN answered in another shape')
  return [String(reply[0]), reply[1].map(String)]
}
