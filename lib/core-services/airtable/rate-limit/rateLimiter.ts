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
import { coolAfter, GAP_MS, LINGER_MS, PER_BASE, PER_TOKEN, sentMs, USE_WITHIN_MS, wishOf } from './limits'
import { createOwnPermits, type OwnPermit } from './localLimiter'
import { createBudgetTalk, type TalkPorts } from './rateLimitClient'
import type { BaseUse, BudgetStore, CoolKind, Wish } from './rateLimitStore'

/** What became of a request. */
export type Outcome =
  /** A response has come, or the other side has ended the connection. `works`: it was no refusal. */
  | { kind: 'answered'; works: boolean }
  /** It was given up and its connection closed: what is on its way may still arrive. */
  | { kind: 'unanswered' }
  /** Airtable said 429. `seconds`: how long it asks to wait, if it says so. */
  | { kind: 'refused'; why: CoolKind; seconds?: number | undefined }

export type Turn =
  /** Send the request now. `settle`: to be called when it has ended; costs the caller no time. */
  | { granted: true; settle(outcome: Outcome): void }
  /** Airtable is left alone. */
  | { granted: false; coolDown: CoolDown }

export interface TurnOptions {
  /** Nobody waits for it: it yields to those for whom somebody does. */
  background?: boolean
  signal?: AbortSignal | undefined
}

export interface RequestBudget {
  /**
   * Resolves when the next request to the base may be sent, or at once during a cool-down. Rejects with the signal's
   * reason. Costs one script, 4 billed commands; 4 more for each time it has to wait in line, and 4 to give the permit
   * back, unless the next request of this process follows at once: then they are in one.
   */
  take(base: string, options?: TurnOptions): Promise<Turn>
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

export interface BudgetSettings {
  /** Rejects when Redis cannot be asked. */
  store: () => Promise<BudgetStore>
  /** Deadline of a request: at its end the connection is closed. */
  pageTimeoutMs: number
  ports: TalkPorts & Pick<Ports, 'random' | 'uniqueToken'>
}

export function createRequestBudget({ store, pageTimeoutMs, ports }: BudgetSettings): RequestBudget {
  const { clock, random } = ports
  const { ask, tell, look } = createBudgetTalk(store, ports)
  const known = createCoolDowns(clock)
  const own = createOwnPermits(
    { perBase: PER_BASE, perToken: PER_TOKEN, holdMs: sentMs(pageTimeoutMs) },
    clock,
  )

  function settle({ base, ticket }: Wish, permit: OwnPermit, outcome: Outcome): void {
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
    const cool = coolAfter(base, why, seconds)
    known.open({ ...cool, why })
    tell(back, cool)
  }

  function granted(wish: Wish, permit: OwnPermit): Turn {
    return { granted: true, settle: (outcome) => settle(wish, permit, outcome) }
  }

  /** Without Redis. Undefined when aborted. */
  async function takeAlone(wish: Wish, signal: AbortSignal | undefined): Promise<Turn | undefined> {
    const permit = await own.take(wish.base, signal)
    if (!permit) return undefined
    const coolDown = known.of(wish.base, wish.late > 0, true)
    if (!coolDown) return granted(wish, permit)
    permit.back(0)
    return { granted: false, coolDown }
  }

  /** A permit that is not used is free at once, and so is a place in the line. */
  function leave({ base, ticket }: Wish, permit?: OwnPermit): undefined {
    permit?.back(0)
    tell({ base, ticket, gap: 0, works: false })
  }

  /** Waits for the moment of a permit. Undefined when it has come too late to be used. */
  async function reach(
    wish: Wish,
    ms: number,
    askedAt: Instant,
    signal: AbortSignal | undefined,
  ): Promise<Turn | undefined> {
    const { base, late } = wish
    if (ms > 0) await clock.sleep(ms + 1, signal)
    const permit = await own.take(base, signal)
    if (!permit || passedSince(clock, askedAt) > ms + USE_WITHIN_MS) return leave(wish, permit)
    const coolDown = known.of(base, late > 0)
    if (!coolDown) return granted(wish, permit)
    leave(wish, permit)
    return { granted: false, coolDown }
  }

  /** Asks until Redis has given a permit that can be used. */
  async function queue(wish: Wish, signal: AbortSignal | undefined): Promise<Turn | undefined> {
    const { base } = wish
    for (;;) {
      const askedAt = currentInstant(clock)
      const reply = await ask(wish)
      if (reply === null || reply.kind === 'told') return takeAlone(wish, signal)
      if (reply.kind === 'cooling') {
        const { why, ms } = reply
        known.open({ base, why, ms, foregroundMs: ms })
        return { granted: false, coolDown: { base, why, seconds: Math.ceil(ms / 1000) } }
      }
      known.outdated(base)
      if (reply.kind === 'granted') return reach(wish, reply.ms, askedAt, signal)
      await clock.sleep(reply.ms * (1 + random() / 2), signal)
      if (signal?.aborted) return leave(wish)
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
        const wish = wishOf(base, ports.uniqueToken().slice(0, 16), background, pageTimeoutMs)
        const turn = await queue(wish, signal)
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
