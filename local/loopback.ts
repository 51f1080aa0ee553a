import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'

/** The only address local servers are reachable at: they have no business outside this machine. */
export const HOST = '127.0.0.1'

/** Binds to the port, 0 for one of the system's choice, and resolves with the port it got. */
export function listenOnLoopback(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      // A server that listens on a port has an address of this shape; only pipes have a string.
      const { port: bound } = server.address() as AddressInfo
      resolve(bound)
    })
  })
}

/** Stops listening and ends open connections too. */
export function closeServer(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
