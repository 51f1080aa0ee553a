import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'

/** The only address of local servers, so that they cannot be reached from other machines. */
export const HOST = '127.0.0.1'

/**
 * How many connections wait to be accepted. Node's 511 are too few for a busy process: when a thousand clients connect at
 * once, the kernel resets some of those that it has already confirmed.
 */
const BACKLOG = 4_096

/** Resolves with the port; 0 lets the system choose. */
export function listenOnLoopback(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, BACKLOG, () => {
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
