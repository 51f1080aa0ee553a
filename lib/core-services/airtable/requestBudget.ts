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
import { codeOf, hasCode, messageOf } from '../cache/engine/errors'
import { type Instant, instantOf, type Ports } from '../cache/engine/ports'
import type { BudgetReply, BudgetRequest, BudgetStore, CoolKind, Wish } from './budgetStore'
import { type CoolDown, createCoolDowns } from './coolDowns'
import { createOwnPermits, type OwnPermit } from './ownPermits'

/** What became of a request. */
export type Outcome =
  /** A response has come, or the other side has ended the connection. `works`: it was no refusal. */
  | { kind: 'answered'; works: boolean }
  /** It was given up: it may arrive as long as its deadline runs, so the permit is not given back. */
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
  /** The cool-downs that this process knows of. */
  coolDowns(): CoolDown[]
}

const PER_BASE = 5
const PER_TOKEN = 50
/** The second of the limit, and what clocks, Redis's steps of a ms and timers may be wrong by. */
const GAP_MS = 1_000 + 25
/** A permit is used within this time or not at all. */
const USE_WITHIN_MS = 3_000
/** Background counts as come so much later. */
const YIELD_MS = 5_000
const PENALTY_SECONDS = 30
const QUOTA_MS = 6 * 3_600_000
/** A plan can be raised any time, so with a caller who waits the quota is tried this often. */
const QUOTA_PROBE_MS = 10 * 60_000
/** How often Redis is asked before this process goes on without it. */
const TRIES = 3
/**
 * After a loss: what was promised to somebody (a gap ahead at most), is on its way, and must have arrived a gap ago.
 * More than that would have every flush cost more than it can save.
 */
const QUIET_MS = 2 * GAP_MS + 450
/** What follows a response within this time shares its command. */
const TELL_AFTER_MS = 2

export interface BudgetSettings {
  /** Rejects when Redis cannot be asked. */
  store: () => Promise<BudgetStore>
  /** Deadline of a request: at its end the connection is closed. */
  pageTimeoutMs: number
  ports: Pick<Ports, 'clock' | 'random' | 'uniqueToken' | 'emit' | 'defer' | 'isControlFlow'>
}

type Back = BudgetRequest['back'][number]
type Cool = BudgetRequest['cool'][number]

/** What Redis has not heard yet. */
interface News {
  back: Back[]
  cool: { cool: Cool; openedAt: number }[]
}

export function createRequestBudget({ store, pageTimeoutMs, ports }: BudgetSettings): RequestBudget {
  const { clock, random } = ports
  const holdMs = USE_WITHIN_MS + pageTimeoutMs + GAP_MS
  const known = createCoolDowns(clock)
  const own = createOwnPermits(
    { perBase: PER_BASE, perToken: PER_TOKEN, holdMs: pageTimeoutMs + GAP_MS },
    clock,
  )
  /** Whether Redis must know of the budget, unless it has lost it. */
  let met = false
  let untold: News = { back: [], cool: [] }

  async function exchange(take?: Wish): Promise<BudgetReply> {
    const told = untold
    untold = { back: [], cool: [] }
    try {
      const cool = told.cool.flatMap((news) => leftOf(news, clock.monotonic()))
      const quietMs = met ? QUIET_MS : 0
      const reply = await (await store()).exchange({ quietMs, back: told.back, cool, ...(take && { take }) })
      met = true
      return reply
    } catch (error) {
      // Told again with the next one. The oldest are of no use any more: their permits have come back by themselves.
      untold = {
        back: [...told.back, ...untold.back].slice(-PER_TOKEN),
        cool: [...told.cool, ...untold.cool].slice(-PER_TOKEN),
      }
      throw error
    }
  }

  function tell(back: Back, cool?: Cool): void {
    untold.back.push(back)
    if (cool) untold.cool.push({ cool, openedAt: clock.monotonic() })
    // Begun at once, not after the response to the visitor: until then others would wait for the permit.
    const work = tellSoon()
    ports.defer(() => work)
  }

  async function tellSoon(): Promise<void> {
    await clock.sleep(TELL_AFTER_MS)
    if (untold.back.length + untold.cool.length === 0) return
    await exchange().catch(degraded)
  }

  function degraded(error: unknown): void {
    if (ports.isControlFlow(error)) return
    ports.emit({
      type: 'redis.degraded',
      operation: 'airtable.budget',
      code: codeOf(error),
      message: messageOf(error),
    })
  }

  function settle({ base, ticket }: Wish, permit: OwnPermit, outcome: Outcome): void {
    if (outcome.kind === 'unanswered') return
    permit.back(GAP_MS)
    const works = outcome.kind === 'answered' && outcome.works
    const back = { base, ticket, gap: GAP_MS, works }
    if (works) known.over(base)
    if (outcome.kind === 'answered') {
      tell(back)
      return
    }
    const { why, seconds = PENALTY_SECONDS } = outcome
    const ms = why === 'quota' ? QUOTA_MS : Math.ceil(seconds * 1000)
    const foregroundMs = why === 'quota' ? QUOTA_PROBE_MS : ms
    known.open({ base, why, ms, foregroundMs })
    tell(back, { base, kind: why, ms, foregroundMs })
  }

  /** Null when Redis cannot be asked. */
  async function ask(wish: Wish): Promise<BudgetReply | null> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await exchange(wish)
      } catch (error) {
        if (ports.isControlFlow(error)) throw error
        // Asked again with its ticket, which gets one permit however often it is asked for: one answer that is lost
        // should not send a request past the budget.
        if (attempt < TRIES && hasCode(error, 'REDIS_TIMEOUT', 'REDIS_UNREACHABLE', 'REDIS_BAD_REPLY'))
          continue
        degraded(error)
        return null
      }
    }
  }

  function granted(wish: Wish, permit: OwnPermit): Turn {
    return { granted: true, settle: (outcome) => settle(wish, permit, outcome) }
  }

  /** Without Redis. Undefined when aborted. */
  async function takeAlone(wish: Wish, signal: AbortSignal | undefined): Promise<Turn | undefined> {
    const coolDown = known.of(wish.base, wish.late > 0, true)
    if (coolDown) return { granted: false, coolDown }
    const permit = await own.take(wish.base, signal)
    return permit && granted(wish, permit)
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
    if (!permit || passedSince(askedAt) > ms + USE_WITHIN_MS) return leave(wish, permit)
    const coolDown = known.of(base, late > 0)
    if (!coolDown) return granted(wish, permit)
    leave(wish, permit)
    return { granted: false, coolDown }
  }

  /** By the clock that went on when this process was frozen. */
  function passedSince(then: Instant): number {
    const now = instantOf(clock)
    return Math.max(now.monotonic - then.monotonic, now.wall - then.wall)
  }

  /** Asks until Redis has given a permit that can be used. */
  async function queue(wish: Wish, signal: AbortSignal | undefined): Promise<Turn | undefined> {
    const { base } = wish
    for (;;) {
      const askedAt = instantOf(clock)
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
    coolDowns: known.list,
    async take(base, { background = false, signal } = {}) {
      for (;;) {
        signal?.throwIfAborted()
        const coolDown = known.of(base, background)
        if (coolDown) return { granted: false, coolDown }
        const wish = wishOf(base, ports.uniqueToken().slice(0, 16), background, holdMs)
        const turn = await queue(wish, signal)
        if (turn) return turn
      }
    },
  }
}

/** A cool-down counts from the moment of the refusal, however late Redis hears of it. */
function leftOf({ cool, openedAt }: News['cool'][number], now: number): Cool[] {
  const passed = Math.floor(now - openedAt)
  if (passed >= cool.ms) return []
  return [{ ...cool, ms: cool.ms - passed, foregroundMs: Math.max(cool.foregroundMs - passed, 0) }]
}

function wishOf(base: string, ticket: string, background: boolean, holdMs: number): Wish {
  return {
    base,
    ticket,
    late: background ? YIELD_MS : 0,
    perBase: PER_BASE,
    perToken: PER_TOKEN,
    holdMs,
    pauseMs: 160,
    mostPauseMs: 2_000,
    lineMs: 2_000,
    probeMs: QUOTA_PROBE_MS,
  }
}
