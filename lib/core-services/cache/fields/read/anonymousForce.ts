import type { FieldContext } from '../fieldContext'
import { askStore, askStoreLater } from '../fieldRuntime'

/**
 * One force by callers without the admin token in each cool-down, over all instances. Null if this one was declined.
 * Without Redis the time of the last force is unknown, so every force is declined.
 */
export async function oncePerCoolDown<T>(field: FieldContext, force: () => Promise<T>): Promise<T | null> {
  const { runtime } = field
  const { key, anonymousForce } = field.config
  if (anonymousForce === undefined) return null
  const claim = await askStore(runtime, 'cooldown', null, async (store) => {
    const name = store.names.forceCoolDown(key)
    const lease = { name, holder: runtime.ports.uniqueToken(), milliseconds: anonymousForce * 1000 }
    return (await field.meter(store).takeLease(lease)) ? lease : null
  })
  if (!claim) return null
  try {
    return await force()
  } catch (error) {
    // The framework interrupted the force, so the next request may force again.
    if (runtime.ports.isControlFlow(error))
      askStoreLater(runtime, 'cooldown', (store) => field.meter(store).endLease(claim, 'free', 1))
    throw error
  }
}
