/**
 * Redis keeps the ids of signed-out sessions until their end, so that a copy of the cookie opens nothing in any instance.
 * While Redis is down, a process knows only the sessions that it revoked itself.
 */
import { LRUCache } from 'lru-cache'
import { isRedisFailure } from '../../core-services/cache/errors'
import { fieldRuntime } from '../../core-services/cache/processContext'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import type { AdminSession } from './session'

const KIND = 'signed-out'

const IDS_KEPT = 10_000

export const createRevokedIds = () =>
  new LRUCache<string, true>({
    max: IDS_KEPT,
    // Reads the clock each time, so that a test can move it.
    ttlResolution: 0,
    perf: { now: () => processPorts().clock.now() },
  })

const revokedHere = () => processState('revoked sessions', createRevokedIds)

export async function revokeSession({ id, endsAt }: AdminSession): Promise<void> {
  const runtime = fieldRuntime()
  const secondsLeft = Math.max(1, Math.ceil((endsAt - runtime.ports.clock.now()) / 1000))
  revokedHere().set(id, true, { ttl: secondsLeft * 1000 })
  try {
    await (await runtime.sharedRecords()).write(KIND, id, 1, secondsLeft)
  } catch (error) {
    if (!isRedisFailure(error)) throw error
  }
}

/** Costs one billed command. */
export async function isSessionRevoked({ id }: AdminSession): Promise<boolean> {
  if (revokedHere().has(id)) return true
  try {
    const [note] = await (await fieldRuntime().sharedRecords()).read(KIND, [id])
    return note !== null
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    return false
  }
}
