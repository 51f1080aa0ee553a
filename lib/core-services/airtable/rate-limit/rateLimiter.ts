/**
 * Keeps all instances together within Airtable's rate limit: five requests a second for a base, fifty for the token. Each
 * process also limits itself (localLimiter.ts), because Redis can be down or lose its data.
 *
 * When Redis comes back empty, one process alone still never exceeds the limit. Several stay within it if the first to
 * ask Redis has used the limiter before, and requests arrive within 450 ms. A new process cannot tell lost permits from a
 * first start, which must not wait; it sends at most what its own limiter allows.
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

export type RequestOutcome =
  /** A response came, or the other side closed the connection. `works`: the response was no refusal. */
  | { kind: 'answered'; works: boolean }
  /** The request was given up and its connection closed. It may still arrive. */
  | { kind: 'unanswered' }
  /** Airtable answered 429. `seconds`: how long it asks to wait, if it says so. */
  | { kind: 'refused'; why: CoolKind; seconds?: number | undefined }

export type Permit =
  /** Send the request now, and call `settle` when it has ended. `settle` returns at once. */
  | { granted: true; settle(outcome: RequestOutcome): void }
  /** The base is in a cool-down: send nothing. */
  | { granted: false; coolDown: CoolDown }

export interface PermitOptions {
  /**
   * Whether no caller waits for the request. It then yields to requests that have one.
   * @default false
   */
  background?: boolean
  signal?: AbortSignal | undefined
}

export interface RateLimiter {
  /**
   * Resolves when the next request to the base may be sent, or at once during a cool-down. Rejects with the signal's
   * reason. Costs 4 billed commands, 4 more for each wait in the queue, and 4 to give the permit back. A request of this
   * process that follows at once shares the last 4.
   */
  take(base: string, options?: PermitOptions): Promise<Permit>
  /** Over all instances, for two billed commands. While Redis is down: only the cool-downs of this process. */
  bases(): Promise<BaseState[]>
}

/** `inUse` and `waiting` are null while Redis is down. */
export type BaseState = Pick<BaseUse, 'base' | 'coolDown'> & {
  [Count in 'inUse' | 'waiting']: BaseUse[Count] | null
}

export interface RateLimiterOptions {
  store: () => Promise<RateLimitStore>
  /** Deadline of a request, in ms. Its connection is then closed. */
  pageTimeoutMs: number
  ports: RateLimitPorts & Pick<Ports, 'random' | 'uniqueToken'>
}

export function createRateLimiter({ store, pageTimeoutMs, ports }: RateLimiterOptions): RateLimiter {
  const { clock, random } = ports
  const { requestPermit, report, readBases } = createRateLimitClient(store, ports)
  const coolDowns = createCoolDowns(clock)
  const localLimiter = createLocalLimiter(
    { perBase: PER_BASE, perToken: PER_TOKEN, holdMs: sentMs(pageTimeoutMs) },
    clock,
  )

  function settle({ base, ticket }: PermitRequest, permit: LocalPermit, outcome: RequestOutcome): void {
    const gap = outcome.kind === 'unanswered' ? LINGER_MS + GAP_MS : GAP_MS
    const works = outcome.kind === 'answered' && outcome.works
    const back = { base, ticket, gap, works }
    permit.back(gap)
    if (works) coolDowns.endQuota(base)
    if (outcome.kind !== 'refused') {
      report(back)
      return
    }
    const { why, seconds } = outcome
    const cool = toCoolDownReport(base, why, seconds)
    coolDowns.open({ ...cool, why })
    report(back, cool)
  }

  function granted(permitRequest: PermitRequest, permit: LocalPermit): Permit {
    return { granted: true, settle: (outcome) => settle(permitRequest, permit, outcome) }
  }

  async function takeLocally(
    permitRequest: PermitRequest,
    signal: AbortSignal | undefined,
  ): Promise<Permit | undefined> {
    const permit = await localLimiter.take(permitRequest.base, signal)
    if (!permit) return undefined
    const coolDown = coolDowns.getLocal(permitRequest.base, permitRequest.late > 0)
    if (!coolDown) return granted(permitRequest, permit)
    permit.back(0)
    return { granted: false, coolDown }
  }

  function cancel({ base, ticket }: PermitRequest, permit?: LocalPermit): undefined {
    permit?.back(0)
    report({ base, ticket, gap: 0, works: false })
  }

  /** Returns undefined when this process woke up too late to use the permit, or was aborted. */
  async function awaitPermit(
    permitRequest: PermitRequest,
    ms: number,
    askedAt: Instant,
    signal: AbortSignal | undefined,
  ): Promise<Permit | undefined> {
    const { base, late } = permitRequest
    if (ms > 0) await clock.sleep(ms + 1, signal)
    const permit = await localLimiter.take(base, signal)
    if (!permit || passedSince(clock, askedAt) > ms + USE_WITHIN_MS) return cancel(permitRequest, permit)
    const coolDown = coolDowns.get(base, late > 0)
    if (!coolDown) return granted(permitRequest, permit)
    cancel(permitRequest, permit)
    return { granted: false, coolDown }
  }

  /** Returns undefined when the permit could not be used. */
  async function takeShared(
    permitRequest: PermitRequest,
    signal: AbortSignal | undefined,
  ): Promise<Permit | undefined> {
    const { base } = permitRequest
    for (;;) {
      const askedAt = currentInstant(clock)
      const reply = await requestPermit(permitRequest)
      if (reply === null || reply.kind === 'reported') return takeLocally(permitRequest, signal)
      if (reply.kind === 'cooling') {
        const { why, ms } = reply
        coolDowns.open({ base, why, ms, foregroundMs: ms })
        return { granted: false, coolDown: { base, why, seconds: Math.ceil(ms / 1000) } }
      }
      coolDowns.dropOutdated(base)
      if (reply.kind === 'granted') return awaitPermit(permitRequest, reply.ms, askedAt, signal)
      await clock.sleep(reply.ms * (1 + random() / 2), signal)
      if (signal?.aborted) return cancel(permitRequest)
    }
  }

  return {
    async bases() {
      const shared = await readBases()
      // This process may know a cool-down that Redis has lost. For an old cool-down Redis knows better.
      const local = coolDowns.list().filter(({ base }) => shared === null || coolDowns.get(base, true))
      return local.reduce<BaseState[]>(withCoolDown, shared ?? [])
    },
    async take(base, { background = false, signal } = {}) {
      for (;;) {
        signal?.throwIfAborted()
        const coolDown = coolDowns.get(base, background)
        if (coolDown) return { granted: false, coolDown }
        const ticket = ports.uniqueToken().slice(0, 16)
        const permitRequest = createPermitRequest({ base, ticket, background, pageTimeoutMs })
        const permit = await takeShared(permitRequest, signal)
        if (permit) return permit
      }
    },
  }
}

function withCoolDown(states: BaseState[], { base, ...coolDown }: CoolDown): BaseState[] {
  const known = states.find((state) => state.base === base)
  const others = states.filter((state) => state !== known)
  return [...others, { inUse: null, waiting: null, ...known, base, coolDown: known?.coolDown ?? coolDown }]
}
