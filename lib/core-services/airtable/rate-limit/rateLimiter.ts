/**
 * Who may ask Airtable, and when: five requests in any second for a base and fifty for the token, over all instances.
 * The permits are in Redis (budgetScript.ts), and each process keeps its own as well (ownPermits.ts): for when Redis
 * cannot be asked, and because it may forget. A hit in the cache never comes here.
 *
 * What holds when Redis is flushed or comes back empty: one process alone never exceeds the limit, whatever happens.
 * Several do not either as long as one of those that have met the budget before is the first to come back to it, and
 * requests take less than 450 ms to arrive; a process that is new and comes first cannot tell a lost budget from a
 * first start, which should not have to wait, and may send what is its own share at most.
 */

import { currentInstant, type Instant, passedSince } from '../../../shared/clock'
import type { Ports } from '../../../shared/ports'
import { type CoolDown, createCoolDowns } from './coolDowns'
import {
  createPermitRequest,
  GAP_MS,
  LINGER_MS,
  PER_BASE,
  PER_TOKEN,
  sentMs,
  toCoolDownReport,
  USE_WITHIN_MS,
} from './limits'
import { createLocalLimiter, type LocalPermit } from './localLimiter'
import { createRateLimitClient, type RateLimitPorts } from './rateLimitClient'
import type { BaseUse, CoolKind, PermitRequest, RateLimitStore } from './rateLimitStore'

/** What became of a request. */
export type RequestOutcome =
  /** A response has come, or the other side has ended the connection. `works`: it was no refusal. */
  | { kind: 'answered'; works: boolean }
  /** It was given up and its connection closed: what is on its way may still arrive. */
  | { kind: 'unanswered' }
  /** Airtable said 429. `seconds`: how long it asks to wait, if it says so. */
  | { kind: 'refused'; why: CoolKind; seconds?: number | undefined }

export type Permit =
  /** Send the request now. `settle`: to be called when it has ended; costs the caller no time. */
  | { granted: true; settle(outcome: RequestOutcome): void }
  /** Airtable is left alone. */
  | { granted: false; coolDown: CoolDown }

export interface PermitOptions {
  /** Nobody waits for it: it yields to those for whom somebody does. */
  background?: boolean
  signal?: AbortSignal | undefined
}

export interface RateLimiter {
  /**
   * Resolves when the next request to the base may be sent, or at once during a cool-down. Rejects with the signal's
   * reason. Costs one script, 4 billed commands; 4 more for each time it has to wait in line, and 4 to give the permit
   * back, unless the next request of this process follows at once: then they are in one.
   */
  take(base: string, options?: PermitOptions): Promise<Permit>
  /**
   * The bases that are in use or left alone, as any instance has told Redis. Two billed commands. While Redis cannot be
   * asked: those of which this process knows that they are left alone.
   */
  bases(): Promise<BaseState[]>
}

/** `inUse` and `waiting` are null when only Redis could tell. */
export type BaseState = Pick<BaseUse, 'base' | 'coolDown'> & {
  [Count in 'inUse' | 'waiting']: BaseUse[Count] | null
}

export interface RateLimiterOptions {
  /** Rejects when Redis cannot be asked. */
  store: () => Promise<RateLimitStore>
  /** Deadline of a request: at its end the connection is closed. */
  pageTimeoutMs: number
  ports: RateLimitPorts & Pick<Ports, 'random' | 'uniqueToken'>
}

export function createRateLimiter({ store, pageTimeoutMs, ports }: RateLimiterOptions): RateLimiter {
  const { clock, random } = ports
  const { ask, tell, look } = createRateLimitClient(store, ports)
  const known = createCoolDowns(clock)
  const own = createLocalLimiter(
    { perBase: PER_BASE, perToken: PER_TOKEN, holdMs: sentMs(pageTimeoutMs) },
    clock,
  )

  function settle({ base, ticket }: PermitRequest, permit: LocalPermit, outcome: RequestOutcome): void {
    const gap = outcome.kind === 'unanswered' ? LINGER_MS + GAP_MS : GAP_MS
    const works = outcome.kind === 'answered' && outcome.works
    const back = { base, ticket, gap, works }
    permit.back(gap)
    if (works) known.over(base)
    if (outcome.kind !== 'refused') {
      tell(back)
      return
    }
    const { why, seconds } = outcome
    const cool = toCoolDownReport(base, why, seconds)
    known.open({ ...cool, why })
    tell(back, cool)
  }

  function granted(permitRequest: PermitRequest, permit: LocalPermit): Permit {
    return { granted: true, settle: (outcome) => settle(permitRequest, permit, outcome) }
  }

  /** Without Redis. Undefined when aborted. */
  async function takeAlone(
    permitRequest: PermitRequest,
    signal: AbortSignal | undefined,
  ): Promise<Permit | undefined> {
    const permit = await own.take(permitRequest.base, signal)
    if (!permit) return undefined
    const coolDown = known.of(permitRequest.base, permitRequest.late > 0, true)
    if (!coolDown) return granted(permitRequest, permit)
    permit.back(0)
    return { granted: false, coolDown }
  }

  /** A permit that is not used is free at once, and so is a place in the line. */
  function leave({ base, ticket }: PermitRequest, permit?: LocalPermit): undefined {
    permit?.back(0)
    tell({ base, ticket, gap: 0, works: false })
  }

  /** Waits for the moment of a permit. Undefined when it has come too late to be used. */
  async function reach(
    permitRequest: PermitRequest,
    ms: number,
    askedAt: Instant,
    signal: AbortSignal | undefined,
  ): Promise<Permit | undefined> {
    const { base, late } = permitRequest
    if (ms > 0) await clock.sleep(ms + 1, signal)
    const permit = await own.take(base, signal)
    if (!permit || passedSince(clock, askedAt) > ms + USE_WITHIN_MS) return leave(permitRequest, permit)
    const coolDown = known.of(base, late > 0)
    if (!coolDown) return granted(permitRequest, permit)
    leave(permitRequest, permit)
    return { granted: false, coolDown }
  }

  /** Asks until Redis has given a permit that can be used. */
  async function queue(
    permitRequest: PermitRequest,
    signal: AbortSignal | undefined,
  ): Promise<Permit | undefined> {
    const { base } = permitRequest
    for (;;) {
      const askedAt = currentInstant(clock)
      const reply = await ask(permitRequest)
      if (reply === null || reply.kind === 'told') return takeAlone(permitRequest, signal)
      if (reply.kind === 'cooling') {
        const { why, ms } = reply
        known.open({ base, why, ms, foregroundMs: ms })
        return { granted: false, coolDown: { base, why, seconds: Math.ceil(ms / 1000) } }
      }
      known.outdated(base)
      if (reply.kind === 'granted') return reach(permitRequest, reply.ms, askedAt, signal)
      await clock.sleep(reply.ms * (1 + random() / 2), signal)
      if (signal?.aborted) return leave(permitRequest)
    }
  }

  return {
    async bases() {
      const shared = await look()
      // What Redis has lost this process may know still; of what is old Redis knows better.
      const own = known.list().filter(({ base }) => shared === null || known.of(base, true))
      return own.reduce<BaseState[]>(withCoolDown, shared ?? [])
    },
    async take(base, { background = false, signal } = {}) {
      for (;;) {
        signal?.throwIfAborted()
        const coolDown = known.of(base, background)
        if (coolDown) return { granted: false, coolDown }
        const permitRequest = createPermitRequest(
          base,
          ports.uniqueToken().slice(0, 16),
          background,
          pageTimeoutMs,
        )
        const turn = await queue(permitRequest, signal)
        if (turn) return turn
      }
    },
  }
}

function withCoolDown(states: BaseState[], { base, ...coolDown }: CoolDown): BaseState[] {
  const known = states.find((state) => state.base === base)
  const others = states.filter((state) => state !== known)
  return [...others, { inUse: null, waiting: null, ...known, base, coolDown: known?.coolDown ?? coolDown }]
}
