import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'

/** The only address of local servers, so that they cannot be reached from other machines. */
export const HOST = '127.0.0.1'

/** Resolves with the port; 0 lets the system choose. */
export function listenOnLoopback(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      // A server on a port has an address of this shape. Only pipes have a string.
      const { port: bound } = server.address() as AddressInfo
      resolve(bound)
    })
  })
}

export function closeServer(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
