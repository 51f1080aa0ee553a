/** Checks that the servers print events as JSON lines and nothing else. */
import type { Cluster, Server } from './cluster'
import { LEASED_FIELD } from './names'

export interface OutputReport {
  /** Lines that are not an event, each with its server. */
  readonly strange: readonly string[]
  /** Servers whose output holds a secret. */
  readonly leaking: readonly string[]
  /** Servers that ended by themselves. */
  readonly ended: readonly string[]
  /** Completed fetches of the field of the killed lease holder. */
  readonly leasedFetches: number
  readonly refreshes: readonly Refresh[]
}

/** Monotonic times of this process, in ms. */
export interface Refresh {
  readonly from: number
  readonly to: number
}

/** What Next prints when it starts. */
const BANNER = /^(▲ Next\.js|- (Local|Network): |✓ (Starting|Ready|Running)\b)/

export async function inspectOutput({ everyServer, secrets }: Cluster): Promise<OutputReport> {
  const printed = everyServer.map((server) => ({ server, text: server.process.output() }))
  const events = printed.flatMap(({ text }) => text.split('\n').flatMap((line) => eventIn(line) ?? []))
  return {
    strange: printed.flatMap(({ server, text }) =>
      strangeLines(text).map((line) => `${server.name}: ${line}`),
    ),
    leaking: printed.filter(({ text }) => secrets.some((secret) => text.includes(secret))).map(getServerName),
    ended: await endedEarly(everyServer),
    leasedFetches: events.filter(
      ({ event, field }) => event === 'refresh.finished' && field === LEASED_FIELD.name,
    ).length,
    refreshes: events.flatMap((event) => refreshIn(event) ?? []),
  }
}

interface EventLine {
  readonly event: string
  readonly time: string
  readonly field?: string
  readonly durationMs?: number
}

function refreshIn({ event, time, durationMs = 0 }: EventLine): Refresh | undefined {
  if (event !== 'refresh.finished' && event !== 'refresh.failed') return undefined
  const to = Date.parse(time) - performance.timeOrigin
  return { from: to - durationMs, to }
}

function eventIn(line: string): EventLine | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const parsed = JSON.parse(line) as Partial<EventLine>
    return typeof parsed.event === 'string' ? (parsed as EventLine) : undefined
  } catch {
    return undefined
  }
}

function strangeLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !BANNER.test(line) && eventIn(line) === undefined)
}

async function endedEarly(servers: readonly Server[]): Promise<string[]> {
  const running = Symbol('running')
  const states = await Promise.all(
    servers.map(async (server) => ({
      server,
      state: await Promise.race([server.process.ended, Promise.resolve(running)]),
    })),
  )
  return states.filter(({ server, state }) => server.alive && state !== running).map(getServerName)
}

const getServerName = ({ server }: { server: Server }): string => server.name
