/** Remembers the cool-downs that this process knows. They cost no command and hold while Redis is down. */
import type { Clock } from '../../../shared/clock'
import type { CoolKind } from './rateLimitStore'

export interface CoolDown {
  base: string
  why: CoolKind
  /** Seconds until a waiting caller may try again. */
  seconds: number
}

interface NewCoolDown {
  base: string
  why: CoolKind
  /** How long it lasts, in ms. `foregroundMs`: when one request of a waiting caller may be tried. */
  ms: number
  foregroundMs: number
}

interface Known {
  why: CoolKind
  until: number
  foregroundUntil: number
  askAgainAt: number
}

/** After this time Redis is asked again, in ms. Another instance may have found that the quota was raised. */
const TRUSTED_MS = 60_000

export function createCoolDowns(clock: Pick<Clock, 'monotonic'>) {
  const known = new Map<string, Known>()

  function remaining(base: string, until: 'until' | 'foregroundUntil'): CoolDown | undefined {
    const cool = known.get(base)
    const left = cool ? cool[until] - clock.monotonic() : 0
    if (!cool || left <= 0) return undefined
    return { base, why: cool.why, seconds: Math.ceil(left / 1000) }
  }

  return {
    open({ base, why, ms, foregroundMs }: NewCoolDown): void {
      const now = clock.monotonic()
      const until = now + ms
      known.set(base, { why, until, foregroundUntil: now + foregroundMs, askAgainAt: now + TRUSTED_MS })
    },
    /** Undefined also when the cool-down is old enough to ask Redis again. */
    get(base: string, background: boolean): CoolDown | undefined {
      const cool = known.get(base)
      if (cool && cool.askAgainAt <= clock.monotonic()) return undefined
      return remaining(base, background ? 'until' : 'foregroundUntil')
    },
    /** For a time without Redis: an old cool-down holds, too. */
    getLocal(base: string, background: boolean): CoolDown | undefined {
      return remaining(base, background ? 'until' : 'foregroundUntil')
    },
    dropOutdated(base: string): void {
      const cool = known.get(base)
      if (cool && cool.askAgainAt <= clock.monotonic()) known.delete(base)
    },
    endQuota(base: string): void {
      if (known.get(base)?.why === 'quota') known.delete(base)
    },
    list(): CoolDown[] {
      return [...known.keys()].flatMap((base) => remaining(base, 'until') ?? [])
    },
  }
}
