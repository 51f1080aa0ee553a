/** A run under way: its processes, and what is written down of them. */
import type { MemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { type SimProcess, startProcess, type World } from '../process'
import type { History } from '../watching/history'

export interface Scene extends World {
  redis: MemoryRedis
  history: History
  /** The process that stands in each place now. */
  processes: SimProcess[]
  phase: number
  forcing: number
  /** How many processes there were. */
  started: number
}

export function populate(scene: Omit<Scene, 'processes' | 'started'>): Scene {
  const processes = scene.plan.clocks.map((_, place) => startProcess(scene, place, place))
  return Object.assign(scene, { processes, started: processes.length })
}
