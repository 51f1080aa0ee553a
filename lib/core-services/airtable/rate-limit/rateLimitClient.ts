/** What this process and the budget in Redis tell each other. What is news travels with the next permitRequest, if one follows. */

import { currentInstant } from '../../../shared/clock'
import { getErrorCode, getErrorMessage, hasCode } from '../../../shared/errors'
import type { Ports } from '../../../shared/ports'
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
  /** Null when Redis cannot be asked. */
  ask(permitRequest: PermitRequest): Promise<RateLimitReply | null>
  tell(back: Back, cool?: Cool): void
  /** Null when Redis cannot be asked. */
  look(): Promise<BaseUse[] | null>
}

type Back = RateLimitRequest['back'][number]
type Cool = RateLimitRequest['cool'][number]

/** What Redis has not heard yet. */
interface News {
  back: Back[]
  cool: { cool: Cool; openedAt: number }[]
  /** The clock of Redis has gone ahead. */
  jumped?: ClockJump | undefined
}

/** How often Redis is asked before this process goes on without it. */
const TRIES = 3
/** How often in a row it is told that its clock went ahead. */
const MOST_JUMPS = 3
/** What follows a response within this time shares its command. */
const TELL_AFTER_MS = 2

/** `store` rejects when Redis cannot be asked. */
export function createRateLimitClient(
  store: () => Promise<RateLimitStore>,
  ports: RateLimitPorts,
): RateLimitClient {
  const { clock } = ports
  /** Whether Redis must know of the budget, unless it has lost it. */
  let met = false
  let untold: News = { back: [], cool: [] }
  const redisClock = createClockWatch(clock)

  /** `reliable`: the clock of Redis has not gone ahead just before. */
  async function exchange(take?: PermitRequest): Promise<{ reply: RateLimitReply; reliable: boolean }> {
    const told = untold
    untold = { back: [], cool: [] }
    try {
      const cool = told.cool.flatMap((news) => remainingCoolDown(news, clock.monotonic()))
      const quietMs = met ? QUIET_MS : 0
      const { back, jumped } = told
      const request = { quietMs, back, cool, ...(jumped && { jumped }), ...(take && { take }) }
      const budget = await store()
      const sentAt = currentInstant(clock)
      let found: ClockJump | undefined
      const reply = await budget.exchange(request, (time) => {
        found = redisClock.compare(time, sentAt)
      })
      met = true
      untold.jumped ??= found
      return { reply, reliable: found === undefined }
    } catch (error) {
      // Told again with the next one. The oldest are of no use any more: their permits have come back by themselves.
      untold = {
        back: [...told.back, ...untold.back].slice(-PER_TOKEN),
        cool: [...told.cool, ...untold.cool].slice(-PER_TOKEN),
        jumped: untold.jumped ?? told.jumped,
      }
      throw error
    }
  }

  async function tellSoon(): Promise<void> {
    await clock.sleep(TELL_AFTER_MS)
    if (untold.back.length + untold.cool.length === 0) return
    await exchange().catch((error: unknown) => {
      if (!ports.isControlFlow(error)) degraded(error)
    })
  }

  function degraded(error: unknown): null {
    ports.emit({
      type: 'redis.degraded',
      operation: 'airtable.budget',
      code: getErrorCode(error),
      message: getErrorMessage(error),
    })
    return null
  }

  return {
    async ask(permitRequest) {
      let jumps = 0
      for (let attempt = 1; ; attempt += 1) {
        try {
          const { reply, reliable } = await exchange(permitRequest)
          if (reliable || jumps === MOST_JUMPS) return reply
          // Its ticket stands for the same permit, which Redis now puts off.
          jumps += 1
          attempt -= 1
        } catch (error) {
          if (ports.isControlFlow(error)) throw error
          // Asked again with its ticket, which gets one permit however often it is asked for: one answer that is lost
          // should not send a request past the budget.
          if (attempt < TRIES && hasCode(error, 'REDIS_TIMEOUT', 'REDIS_UNREACHABLE', 'REDIS_BAD_REPLY'))
            continue
          return degraded(error)
        }
      }
    },
    tell(back, cool) {
      untold.back.push(back)
      if (cool) untold.cool.push({ cool, openedAt: clock.monotonic() })
      // Begun at once, not after the response to the visitor: until then others would wait for the permit.
      const work = tellSoon()
      ports.defer(() => work)
    },
    async look() {
      try {
        return await (await store()).look()
      } catch (error) {
        if (ports.isControlFlow(error)) throw error
        return degraded(error)
      }
    },
  }
}

/** A cool-down counts from the moment of the refusal, however late Redis hears of it. */
function remainingCoolDown({ cool, openedAt }: News['cool'][number], now: number): Cool[] {
  const passed = Math.floor(now - openedAt)
  if (passed >= cool.ms) return []
  return [{ ...cool, ms: cool.ms - passed, foregroundMs: Math.max(cool.foregroundMs - passed, 0) }]
}
