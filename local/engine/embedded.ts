import { createServer, type Socket } from 'node:net'
import { attachSession, createRedisCommandExecutor, SocketConnectionTransport } from 'js-redis-server/core'
import { HOST, listenOnLoopback } from '../loopback'
import { EmbeddedState, missingCommands } from './embeddedGaps'
import type { RedisEngine } from './types'

const DATABASES = 16

/**
 * Built from the package's parts, because the package's own server listens on every interface and waits for its clients.
 */
export async function startEmbedded(port: number): Promise<RedisEngine> {
  const state = new EmbeddedState({ databaseCount: DATABASES })
  const executor = createRedisCommandExecutor({ extraCommands: missingCommands })
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    attachSession(new SocketConnectionTransport(socket), { state, executor })
  })
  const url = `redis://${HOST}:${await listenOnLoopback(server, port)}`
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
      state.close()
    })
  return {
    kind: 'embedded',
    url,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}
