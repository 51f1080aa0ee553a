import { createServer } from 'node:net'

const TRIES = 20

/** From an environment variable, or a default that may be replaced. */
export interface PortRequest {
  /** The variable's name, for messages. */
  readonly variable: string
  /** Unset or blank means the default, "0" any free port. */
  readonly given: string | undefined
  readonly fallback: number
}

/** `moved`: the default was taken, so another port was chosen. */
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

// Tries both addresses: some systems let one process listen on all interfaces while another has the loopback.
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
 * A requested port is used or refused, never replaced. A default that is taken is replaced by the next free port. Throws
 * a one-line error when there is none.
 */
export async function choosePort(request: PortRequest): Promise<PortChoice> {
  const requested = parsePort(request)
  if (requested === 0) return { port: (await tryListening(0, '127.0.0.1')) ?? 0, moved: false }
  if (requested !== undefined) {
    if (await isFree(requested)) return { port: requested, moved: false }
    throw new Error(`port ${requested} (${request.variable}) is already in use`)
  }
  for (let port = request.fallback; port < request.fallback + TRIES; port += 1) {
    if (await isFree(port)) return { port, moved: port !== request.fallback }
  }
  throw new Error(
    `ports ${request.fallback} to ${request.fallback + TRIES - 1} are all in use; set ${request.variable} to a free one`,
  )
}

/** Reserves a port until the returned function is called. */
export function holdPort(port: number): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    // Closes connections at once, such as those of a page that is still open: they would keep the port from closing.
    const holder = createServer((caller) => caller.destroy())
    holder.once('error', reject)
    holder.listen(port, () => resolve(() => new Promise((released) => holder.close(() => released()))))
  })
}
