/** The cool-downs that this process knows of: they cost no command, and hold while Redis cannot be asked. */
import type { Clock } from '../../../shared/clock'
import type { CoolKind } from './rateLimitStore'

/** A base that is left alone. */
export interface CoolDown {
  base: string
  why: CoolKind
  /** Until a caller who waits may try again. */
  seconds: number
}

interface Opened {
  base: string
  why: CoolKind
  /** How long it lasts, and after how long a caller who waits may try once. */
  ms: number
  foregroundMs: number
}

interface Known {
  why: CoolKind
  until: number
  foregroundUntil: number
  /** From then on Redis may know better. */
  askAgainAt: number
}

/** Another instance may have found that a quota was raised. */
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
    open({ base, why, ms, foregroundMs }: Opened): void {
      const now = clock.monotonic()
      const until = now + ms
      known.set(base, { why, until, foregroundUntil: now + foregroundMs, askAgainAt: now + TRUSTED_MS })
    },
    /** The one to honour now, whatever Redis says; with `alone` also what Redis could know better. */
    of(base: string, background: boolean, alone = false): CoolDown | undefined {
      const cool = known.get(base)
      if (!alone && cool && cool.askAgainAt <= clock.monotonic()) return undefined
      return remaining(base, background ? 'until' : 'foregroundUntil')
    },
    /** Forgets what Redis has shown to be over. */
    outdated(base: string): void {
      const cool = known.get(base)
      if (cool && cool.askAgainAt <= clock.monotonic()) known.delete(base)
    },
    /** Airtable answers again. */
    over(base: string): void {
      if (known.get(base)?.why === 'quota') known.delete(base)
    },
    list(): CoolDown[] {
      return [...known.keys()].flatMap((base) => remaining(base, 'until') ?? [])
    },
  }
}
