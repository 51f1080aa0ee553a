import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { choosePort, holdPort } from '@/local/ports'

let taken: number
const servers: Server[] = []

function occupy(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      servers.push(server)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

beforeEach(async () => {
  taken = await occupy(0)
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

describe('choosing a port', () => {
  it('takes the default when it is free', async () => {
    await new Promise((resolve) => servers.pop()?.close(resolve))
    expect(await choosePort({ variable: 'PORT', given: undefined, fallback: taken })).toEqual({
      port: taken,
      moved: false,
    })
  })

  it('replaces a default that is taken by a free port above it, and says so', async () => {
    const { port, moved } = await choosePort({ variable: 'PORT', given: '', fallback: taken })
    expect(moved).toBe(true)
    expect(port).toBeGreaterThan(taken)
    expect(await occupy(port)).toBe(port)
  })

  it('never replaces a port that was asked for', async () => {
    await expect(choosePort({ variable: 'PORT', given: String(taken), fallback: 3000 })).rejects.toThrow(
      new RegExp(`^port ${taken} \\(PORT\\) is already in use$`),
    )
  })

  it('finds any free port for 0', async () => {
    const { port, moved } = await choosePort({ variable: 'PORT', given: '0', fallback: taken })
    expect(moved).toBe(false)
    expect(await occupy(port)).toBe(port)
  })

  it.each(['abc', '-1', '65536', '3000.5'])('names the variable when its value is %s', async (given) => {
    await expect(choosePort({ variable: 'LOCAL_UPSTASH_PORT', given, fallback: 3000 })).rejects.toThrow(
      `LOCAL_UPSTASH_PORT is "${given}"; expected a port number`,
    )
  })
})

it('a reserved port is free at once when released, although a client has connected meanwhile', async () => {
  await new Promise((resolve) => servers.pop()?.close(resolve))
  const release = await holdPort(taken)
  const caller = connect(taken, '127.0.0.1')
  caller.on('error', () => undefined)
  await once(caller, 'close')
  const waiting = connect(taken, '127.0.0.1')
  waiting.on('error', () => undefined)
  await once(waiting, 'connect')
  await release()
  expect(await occupy(taken)).toBe(taken)
})
