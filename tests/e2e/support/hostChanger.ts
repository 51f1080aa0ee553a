import { createServer, request } from 'node:http'
import { listenOnLoopback } from '@/local/loopback'

/** A proxy that asks a server in a name of its own, and does not say what it was asked for. */
export async function startHostChanger(target: () => string): Promise<{ url: string; close(): void }> {
  const server = createServer((incoming, answer) => {
    const { hostname, port } = new URL(target())
    const headers = { ...incoming.headers, host: 'app.internal:3000' }
    const { method, url: path } = incoming
    const passed = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    incoming.pipe(passed)
  })
  const port = await listenOnLoopback(server, 0)
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
