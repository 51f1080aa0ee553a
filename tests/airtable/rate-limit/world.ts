import { LINGER_MS } from '@/lib/core-services/airtable/rate-limit/limits'
import { createRateLimiter, type RateLimiter } from '@/lib/core-services/airtable/rate-limit/rateLimiter'
import {
  createRateLimitStore,
  type RateLimitRequest,
} from '@/lib/core-services/airtable/rate-limit/rateLimitStore'
import type { Send } from '@/lib/core-services/cache/redis/pipeline'
import type { LuaRedis } from '../../kit/redis/luaRedis'
import { type Coincidences, noCoincidences } from '../../kit/simulation/coincidences'
import { carry, type Fault, keySpace } from '../../kit/simulation/network'
import { inTurn } from '../../kit/simulation/plan'
import { createProcess, type VirtualTime } from '../../kit/simulation/process'
import { createTimeline } from '../../kit/simulation/timeline'

export const BASES = ['app1', 'app2'] as const
export const PAGE_TIMEOUT_MS = 4_000

export interface Caller {
  process: number
  base: string
  background: boolean
  /** How many pages it reads, one after the other. */
  pages: number
  /** It dies after this many requests. */
  diesAfter: number | null
  startsAt: number
  /** When it gives up, in ms, whatever it is waiting for. */
  patienceMs: number | null
}

export interface LimiterPlan {
  callers: readonly Caller[]
  /** The time of each leg of each request to Redis or Airtable, in ms; used in turn. */
  delays: readonly number[]
  /** The outcome of each request to Redis; used in turn. */
  faults: readonly ('none' | 'lost' | 'unanswered' | 'late')[]
  /** When Redis loses its data, in ms. */
  flushes: readonly number[]
  /** When Redis is down, in ms. */
  outage: readonly [from: number, to: number] | null
  /** How long processes oversleep, as if frozen, in ms; used in turn. */
  freezes: readonly number[]
  /** When the clock of Redis jumps, and by how many ms. */
  jumps: readonly (readonly [at: number, by: number])[]
}

export interface LimiterHistory {
  /** When Airtable got requests, and whose. */
  arrivals: { caller: Caller; at: number }[]
  finished: number
  /** When the last caller had finished. */
  finishedAt: number
  during: Coincidences<(typeof DURING)[number]>
}

/** The clock of Redis has nothing to do with those of processes. */
const REDIS_EPOCH = Date.UTC(2026, 0, 1)

/** Nothing fails. */
export const CALM = { faults: [], flushes: [], outage: null, freezes: [], jumps: [] } as const

/** Events of a run. `alone`: a process went on without Redis. */
const DURING = [
  'waited',
  'gaveUp',
  'aborted',
  'died',
  'lost',
  'full',
  'forgot',
  'alone',
  'frozen',
  'jumped',
] as const

/** Runs a plan with the shipped limiter and the shipped script. */
export async function liveOnLimiter(
  { callers, delays, faults, flushes, outage, freezes, jumps }: LimiterPlan,
  redis: LuaRedis,
): Promise<LimiterHistory> {
  const timeline = createTimeline()
  const history: LimiterHistory = {
    arrivals: [],
    finished: 0,
    finishedAt: 0,
    during: noCoincidences(DURING),
  }
  redis.reset(() => {
    const past = jumps.filter(([at]) => at <= timeline.now())
    return REDIS_EPOCH + timeline.now() + past.reduce((sum, [, by]) => sum + by, 0)
  })
  let draws = 0
  const failed = new Map<string, number>()
  const nextDelay = inTurn(delays, 0)
  const nextFault = inTurn<Fault>(faults, 'none')
  const nextFreeze = inTurn(freezes, 0)
  const leg = () => timeline.sleep(nextDelay())
  const time: VirtualTime = {
    now: timeline.now,
    sleep(milliseconds, signal) {
      const frozen = milliseconds > 2 ? nextFreeze() : 0
      if (milliseconds > 2) history.during.waited = true
      if (frozen > 0) history.during.frozen = true
      return timeline.sleep(milliseconds + frozen, signal)
    },
  }
  /** At most two faults in a row for a ticket: after three a process goes on without Redis. */
  function drawFault(ticket: string | undefined): Fault {
    const down = outage !== null && timeline.now() >= outage[0] && timeline.now() < outage[1]
    if (down) return 'lost'
    const fault = nextFault()
    if (fault === 'none' || ticket === undefined) return fault
    failed.set(ticket, (failed.get(ticket) ?? 0) + 1)
    return (failed.get(ticket) ?? 0) > 2 ? 'none' : fault
  }
  const send: Send = async (...command) => {
    const fault = drawFault((JSON.parse(String(command.at(-1))) as RateLimitRequest).take?.ticket)
    if (fault !== 'none') history.during.lost = true
    const carried = async () => {
      await leg()
      return fault
    }
    return carry({ there: carried, run: () => redis.send(...command), back: carried, arriveLate: leg })
  }
  const processes = [0, 1, 2].map((number) =>
    createRateLimiter({
      store: async () => createRateLimitStore({ send, keys: keySpace }),
      pageTimeoutMs: PAGE_TIMEOUT_MS,
      ports: createProcess({
        time,
        number,
        ports: {
          random: () => (draws++ % 10) / 10,
          emit: () => {
            history.during.alone = true
          },
        },
      }).ports,
    }),
  )

  /**
   * A request of which both legs take as long as they please. At the deadline, or when the caller gives up, the
   * connection is closed, and what is on its way arrives soon or never.
   */
  async function request(caller: Caller, signal: AbortSignal): Promise<'answered' | 'unanswered'> {
    let closedAt = Number.POSITIVE_INFINITY
    async function converse(): Promise<'answered'> {
      await leg()
      if (timeline.now() <= closedAt + LINGER_MS) history.arrivals.push({ caller, at: timeline.now() })
      await leg()
      return 'answered'
    }
    const over = timeline.sleep(PAGE_TIMEOUT_MS, signal).then(() => 'unanswered' as const)
    const kind = await Promise.race([converse(), over])
    if (kind === 'unanswered') closedAt = timeline.now()
    return kind
  }

  async function call(limiter: RateLimiter, caller: Caller): Promise<void> {
    const { base, background, pages, diesAfter, startsAt, patienceMs } = caller
    await time.sleep(startsAt)
    const patience = new AbortController()
    const { signal } = patience
    if (patienceMs !== null) void time.sleep(patienceMs).then(() => patience.abort())
    for (let page = 1; page <= pages; page += 1) {
      const permit = await limiter.take(base, { background, signal }).catch(() => null)
      if (permit === null) {
        history.during.aborted = true
        return
      }
      if (!permit.granted) throw new Error('no request was refused')
      const kind = await request(caller, signal)
      if (page === diesAfter) {
        history.during.died = true
        return
      }
      if (kind === 'unanswered') history.during.gaveUp = true
      permit.settle(kind === 'answered' ? { kind, works: true } : { kind })
    }
    history.finished += 1
    history.finishedAt = timeline.now()
  }

  async function forget(at: number): Promise<void> {
    await timeline.sleep(at)
    history.during.forgot ||= history.arrivals.length > 0
    redis.flush()
  }

  for (const at of flushes) void forget(at)
  for (const caller of callers) void call(processes[caller.process] as RateLimiter, caller)
  await timeline.settle()
  history.during.jumped = jumps.some(([jump]) => history.arrivals.some(({ at }) => at > jump))
  const counts = BASES.map((base) => densest(history, base))
  history.during.full = Math.max(...counts) === 5
  return history
}

/** The most requests that a base got, or all of them together, in any 1,000 ms. */
export function densest({ arrivals }: LimiterHistory, base?: string): number {
  const times = arrivals
    .filter(({ caller }) => base === undefined || caller.base === base)
    .map(({ at }) => at)
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length))
}
