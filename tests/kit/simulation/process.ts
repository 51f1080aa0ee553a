/** A process of a run: it has clocks of its own, and can die at any await. */
import { defaultPorts, type Ports } from '@/lib/shared/ports'
import { never } from '../clock/deferred'

/** What the two kinds of virtual time have in common: `timeline.ts` and `universe.ts`. */
export interface VirtualTime {
  /** True time, in ms; a process sees it through its own clocks only. */
  now(): number
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

export interface Life {
  readonly isAlive: boolean
  /** Resolves when the process dies. */
  readonly died: Promise<void>
  /** What comes back after its death never resolves; what it has sent arrives all the same. */
  run<T>(begin: () => Promise<T>): Promise<T>
  kill(): void
}

export interface SimulatedProcess extends Life {
  ports: Ports
  /** Its monotonic clock stands still for that long, as that of a process whose machine sleeps. */
  standStill(milliseconds: number): void
}

export interface ProcessOptions {
  time: VirtualTime
  /** No other process of the run has it, and neither has the successor of a dead one. */
  number: number
  /** How far its wall clock is ahead of true time, in ms. @default 0 */
  ahead?: number
  ports?: Partial<Omit<Ports, 'clock'>>
}

export function createLife(): Life {
  let isAlive = true
  let die: () => void
  const died = new Promise<void>((resolve) => {
    die = resolve
  })
  return {
    get isAlive() {
      return isAlive
    },
    died,
    async run(begin) {
      if (!isAlive) return never()
      try {
        const result = await begin()
        return isAlive ? result : never()
      } catch (error) {
        if (isAlive) throw error
        return never()
      }
    },
    kill() {
      isAlive = false
      die()
    },
  }
}

export function createProcess({ time, number, ahead = 0, ports }: ProcessOptions): SimulatedProcess {
  const life = createLife()
  let stoodStill = 0
  let tokens = 0
  return Object.assign(life, {
    ports: {
      ...defaultPorts,
      clock: {
        now: () => time.now() + ahead,
        monotonic: () => time.now() + number * 1_000 - stoodStill,
        sleep: (milliseconds: number, signal?: AbortSignal) =>
          life.run(() => time.sleep(milliseconds, signal)),
      },
      // What is late is so by the plan, not because this machine has other work to do.
      alarm: () => () => undefined,
      random: () => 0.5,
      uniqueToken: () => `p${number}t${++tokens}`,
      fetch: never,
      ...ports,
    },
    standStill(milliseconds: number) {
      stoodStill += milliseconds
    },
  })
}
