/**
 * Sessions that were signed out before their time: noted in Redis until they would have ended anyway, so that a copy of
 * the cookie opens nothing in any instance. While Redis cannot be asked, a process knows those that it ended itself.
 */
import { isRedisFailure } from '../../core-services/cache/errors'
import { fieldRuntime } from '../../core-services/cache/processContext'
import { processState } from '../../shared/processState'
import type { AdminSession } from './session'

const KIND = 'signed-out'

/** Ids with the wall clock, in ms, at which each would have ended. */
const ended = () => processState('ended sessions', () => new Map<string, number>())

export async function revokeSession({ id, endsAt }: AdminSession): Promise<void> {
  const runtime = fieldRuntime()
  const now = runtime.ports.clock.now()
  for (const [other, until] of ended()) if (until <= now) ended().delete(other)
  ended().set(id, endsAt)
  try {
    const seconds = Math.max(1, Math.ceil((endsAt - now) / 1000))
    await (await runtime.notes()).write(KIND, id, 1, seconds)
  } catch (error) {
    if (!isRedisFailure(error)) throw error
  }
}

/** 1 command. */
export async function isSessionRevoked({ id }: AdminSession): Promise<boolean> {
  if (ended().has(id)) return true
  try {
    const [note] = await (await fieldRuntime().notes()).read(KIND, [id])
    return note !== null
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    return false
  }
}
