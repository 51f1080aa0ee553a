import { Readable } from 'node:stream'
import { type Command, createConnection, unreachable } from './client'

type Receive = (parts: readonly string[]) => void

type Open = (
  client: ReturnType<typeof createConnection>,
  names: string[],
  receive: Receive,
) => Promise<string[][]>

const STREAMS: Readonly<Record<string, Open>> = {
  SUBSCRIBE: async (client, channels, receive) => {
    await client.subscribe(channels, (message, channel) => receive(['message', channel, message]))
    return channels.map((channel, index) => ['subscribe', channel, String(index + 1)])
  },
  PSUBSCRIBE: async (client, patterns, receive) => {
    const open = (pattern: string): Promise<void> =>
      client.pSubscribe(pattern, (message, channel) => receive(['pmessage', pattern, channel, message]))
    await Promise.all(patterns.map(open))
    return patterns.map((pattern, index) => ['psubscribe', pattern, String(index + 1)])
  },
  MONITOR: async (client, _, receive) => {
    await client.monitor((line) => receive([String(line)]))
    // Quoted like everything in the lines that follow.
    return [['"OK"']]
  },
}

/**
 * Each chunk holds the parts of one reply, such as `['message', channel, payload]`. Resolves once the engine has
 * confirmed.
 */
export async function openStream(url: string, [name, ...args]: Command): Promise<Readable> {
  const client = createConnection(url, false)
  const stream = new Readable({
    objectMode: true,
    read: () => undefined,
    destroy: (error, done) => {
      if (client.isOpen) client.destroy()
      done(error)
    },
  })
  client.on('error', () => stream.destroy())
  try {
    const open = STREAMS[name.toUpperCase()]
    if (open === undefined) throw new Error(`${name} cannot be streamed: its replies end`)
    await client.connect()
    // A message can arrive with the confirmation, but must not come before it.
    const confirmed = open(client, args.map(String), (parts) => {
      confirmed.then(() => stream.push(parts)).catch(() => undefined)
    })
    for (const parts of await confirmed) stream.push(parts)
    return stream
  } catch (error) {
    stream.destroy()
    throw unreachable(error)
  }
}
