import { createServer } from 'node:net'

const TRIES = 20

/** Which port is wanted: what an environment variable says, else a default that may give way. */
export interface PortRequest {
  /** The variable's name, for messages. */
  readonly variable: string
  /** The variable's value; unset or blank means the default. "0" means any free port. */
  readonly given: string | undefined
  readonly fallback: number
}

/** A free port, and whether the default had to give way to it. */
export interface PortChoice {
  readonly port: number
  readonly moved: boolean
}

function tryListening(port: number, host: string | undefined): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined)
      else reject(error)
    })
    probe.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })
}

// Both addresses are tried because some systems let one process take all interfaces while another has the loopback.
async function isFree(port: number): Promise<boolean> {
  return (
    (await tryListening(port, undefined)) !== undefined &&
    (await tryListening(port, '127.0.0.1')) !== undefined
  )
}

function parsePort({ variable, given }: PortRequest): number | undefined {
  const text = given?.trim() ?? ''
  if (text === '') return undefined
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new Error(`${variable} is "${text}"; expected a port number from 0 to 65535`)
}

/**
 * Picks the port to start something on. A port somebody asked for is used or refused, never replaced; a default that
 * is taken gives way to the next free one. Throws an error whose message is one line for the person who started us.
 */
export async function choosePort(request: PortRequest): Promise<PortChoice> {
  const asked = parsePort(request)
  if (asked === 0) return { port: (await tryListening(0, '127.0.0.1')) ?? 0, moved: false }
  if (asked !== undefined) {
    if (await isFree(asked)) return { port: asked, moved: false }
    throw new Error(`port ${asked} (${request.variable}) is already in use`)
  }
  for (let port = request.fallback; port < request.fallback + TRIES; port += 1) {
    if (await isFree(port)) return { port, moved: port !== request.fallback }
  }
  throw new Error(
    `ports ${request.fallback} to ${request.fallback + TRIES - 1} are all in use; set ${request.variable} to a free one`,
  )
}

/** Keeps a port from everybody else until the returned function is called. */
export function holdPort(port: number): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    // Whoever calls meanwhile, such as a page that is still open, is hung up on: it would keep the port from closing.
    const holder = createServer((caller) => caller.destroy())
    holder.once('error', reject)
    holder.listen(port, () => resolve(() => new Promise((released) => holder.close(() => released()))))
  })
}
