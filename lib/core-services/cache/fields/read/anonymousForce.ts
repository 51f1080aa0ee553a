/** Forces by callers without the token: one in each cool-down of the field, over all instances. */
import type { AnyField } from '../fieldConfig'
import { storeFor } from '../fieldPlace'
import { askStore, askStoreLater, type FieldRuntime } from '../fieldRuntime'

/**
 * Runs the force unless the field is in its cool-down, which the attempt starts. Null when it was declined. Without Redis
 * nothing tells how long ago the last one was, so none is allowed.
 */
export async function oncePerCoolDown<T>(
  runtime: FieldRuntime,
  field: AnyField,
  force: () => Promise<T>,
): Promise<T | null> {
  const { key, anonymousForce } = field
  if (anonymousForce === undefined) return null
  const claim = await askStore(runtime, 'cooldown', null, async (store) => {
    const name = store.names.forceCoolDown(key)
    const lease = { name, holder: runtime.ports.uniqueToken(), milliseconds: anonymousForce * 1000 }
    return (await storeFor(runtime, store, field).takeLease(lease)) ? lease : null
  })
  if (!claim) return null
  try {
    return await force()
  } catch (error) {
    // The source was not asked to the end, or not at all: whoever renders next may.
    if (runtime.ports.isControlFlow(error))
      askStoreLater(runtime, 'cooldown', (store) =>
        storeFor(runtime, store, field).endLease(claim, 'free', 1),
      )
    throw error
  }
}
