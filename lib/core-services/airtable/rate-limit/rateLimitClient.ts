/** Exchanges permits and reports with Redis. A report shares the command of a permit request that follows at once. */

import { currentInstant } from '../../../shared/clock'
import { hasCode } from '../../../shared/errors'
import type { Ports } from '../../../shared/ports'
import { reportDegraded } from '../../cache/redis/reportDegraded'
import { createClockWatch } from './clockCheck'
import { PER_TOKEN, QUIET_MS } from './limits'
import type {
  BaseUse,
  ClockJump,
  PermitRequest,
  RateLimitReply,
  RateLimitRequest,
  RateLimitStore,
} from './rateLimitStore'

export type RateLimitPorts = Pick<Ports, 'clock' | 'emit' | 'defer' | 'isControlFlow'>

export interface RateLimitClient {
  /** Null while Redis is down. */
  requestPermit(permitRequest: PermitRequest): Promise<RateLimitReply | null>
  /** Gives a permit back, and opens a cool-down. Returns at once. */
  report(back: Back, cool?: Cool): void
  /** Null while Redis is down. */
  readBases(): Promise<BaseUse[] | null>
}

type Back = RateLimitRequest['back'][number]
type Cool = RateLimitRequest['cool'][number]

interface Reports {
  back: Back[]
  cool: { cool: Cool; openedAt: number }[]
  /** The clock of Redis has jumped ahead. */
  jumped?: ClockJump | undefined
}

const TRIES = 3
const MAX_JUMPS = 3
/** A report waits this long for a permit request whose command it can share, in ms. */
const REPORT_AFTER_MS = 2

export function createRateLimitClient(
  store: () => Promise<RateLimitStore>,
  ports: RateLimitPorts,
): RateLimitClient {
  const { clock } = ports
  /** Whether Redis holds the state of the limiter, unless it has lost it. */
  let hasState = false
  let unsent: Reports = { back: [], cool: [] }
  const redisClock = createClockWatch(clock)

  /** `reliable`: whether the clock of Redis has not just jumped ahead. */
  async function exchange(take?: PermitRequest): Promise<{ reply: RateLimitReply; reliable: boolean }> {
    const sent = unsent
    unsent = { back: [], cool: [] }
    try {
      const cool = sent.cool.flatMap((news) => remainingCoolDown(news, clock.monotonic()))
      const quietMs = hasState ? QUIET_MS : 0
      const { back, jumped } = sent
      const request = { quietMs, back, cool, ...(jumped && { jumped }), ...(take && { take }) }
      const limiter = await store()
      const sentAt = currentInstant(clock)
      let found: ClockJump | undefined
      const reply = await limiter.exchange(request, (time) => {
        found = redisClock.compare(time, sentAt)
      })
      hasState = true
      unsent.jumped ??= found
      return { reply, reliable: found === undefined }
    } catch (error) {
      // The next exchange sends them again. The oldest are dropped: their permits have ended by themselves.
      unsent = {
        back: [...sent.back, ...unsent.back].slice(-PER_TOKEN),
        cool: [...sent.cool, ...unsent.cool].slice(-PER_TOKEN),
        jumped: unsent.jumped ?? sent.jumped,
      }
      throw error
    }
  }

  async function reportSoon(): Promise<void> {
    await clock.sleep(REPORT_AFTER_MS)
    if (unsent.back.length + unsent.cool.length === 0) return
    await exchange().catch((error: unknown) => {
      if (!ports.isControlFlow(error)) goOnWithoutRedis(error)
    })
  }

  function goOnWithoutRedis(error: unknown): null {
    reportDegraded(ports, 'airtable.budget', error)
    return null
  }

  return {
    async requestPermit(permitRequest) {
      let jumps = 0
      for (let attempt = 1; ; attempt += 1) {
        try {
          const { reply, reliable } = await exchange(permitRequest)
          if (reliable || jumps === MAX_JUMPS) return reply
          // The ticket keeps its permit, which Redis now puts off.
          jumps += 1
          attempt -= 1
        } catch (error) {
          if (ports.isControlFlow(error)) throw error
          // A ticket gets one permit however often it is sent.
          if (attempt < TRIES && hasCode(error, 'REDIS_TIMEOUT', 'REDIS_UNREACHABLE', 'REDIS_BAD_REPLY'))
            continue
          return goOnWithoutRedis(error)
        }
      }
    },
    report(back, cool) {
      unsent.back.push(back)
      if (cool) unsent.cool.push({ cool, openedAt: clock.monotonic() })
      // Starts now, not after the response to the visitor, because other callers wait for the permit.
      const work = reportSoon()
      ports.defer(() => work)
    },
    async readBases() {
      try {
        return await (await store()).readBases()
      } catch (error) {
        if (ports.isControlFlow(error)) throw error
        return goOnWithoutRedis(error)
      }
    },
  }
}

/** Returns what is left of a cool-down, which counts from the refusal, however late Redis learns of it. */
function remainingCoolDown({ cool, openedAt }: Reports['cool'][number], now: number): Cool[] {
  const passed = Math.floor(now - openedAt)
  if (passed >= cool.ms) return []
  return [{ ...cool, ms: cool.ms - passed, foregroundMs: Math.max(cool.foregroundMs - passed, 0) }]
}
