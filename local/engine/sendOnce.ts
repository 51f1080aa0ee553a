import { createClient } from 'redis'

const CONNECT_TIMEOUT_MS = 2_000

/** Opens a connection for one command. Rejects when there is no answer within about two seconds. */
export async function sendOnce(url: string, command: readonly string[]): Promise<unknown> {
  const client = createClient({
    url,
    disableClientInfo: true,
    socket: {
      reconnectStrategy: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: CONNECT_TIMEOUT_MS,
    },
  })
  // Without a listener the client's error event would end the process. The rejection reports the same error.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.sendCommand(command)
  } finally {
    if (client.isOpen) client.destroy()
  }
}
