/** The other doors to the key of a field: the commands of the app, patterns, and a force that purges. */

import { redisQuota, redisUnreachable } from '@/lib/core-services/cache/errors'
import { createFieldKeyCommands } from '@/lib/core-services/cache/fields/commands/fieldKeyCommands'
import { createEntryReplacer } from '@/lib/core-services/cache/fields/commands/replaceEntry'
import type { FieldRuntime } from '@/lib/core-services/cache/fields/fieldRuntime'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { invalidatePattern } from '@/lib/core-services/cache/invalidate'
import { createPatternCommands } from '@/lib/core-services/cache/redis/commands/patternCommands'
import { StrictCommands } from '@/lib/core-services/cache/redis/commands/strictCommands'
import { createWire } from '@/lib/core-services/cache/redis/commands/wire'
import type { Transport } from '@/lib/core-services/cache/redis/transport/transport'
import { keySpace, settled } from '../../../kit/simulation/network'
import type { Doors, SimField } from '../cacheUnderTest'
import type { Connection } from '../network'
import type { Removal } from '../plan'

export async function createDoors(runtime: FieldRuntime, connection: Connection): Promise<Doors> {
  const { ports } = runtime
  const store = await runtime.store()
  const { send, sendTogether } = connection
  const memory = () => runtime
  const fieldKeys = createFieldKeyCommands({
    store,
    sendTogether: settled(sendTogether),
    keys: keySpace,
    ports,
    memory,
  })
  const fields = { ...fieldKeys, ...createEntryReplacer({ store, ports, memory, fieldKeys }) }
  // Only the memory that keys take is asked for by way of it.
  const patterns = createPatternCommands(send, {} as unknown as Transport, keySpace, 100, fieldKeys)
  const commands = new StrictCommands(
    createWire({ send, sendAll: sendTogether, keys: keySpace, fields, patterns }),
  )

  /** A force of which Redis takes nothing. */
  async function purge(field: SimField): Promise<void> {
    let lost = false
    const emit: typeof ports.emit = (event) => {
      // One that does not get as far as Redis removes nothing, and says so.
      lost ||= event.type === 'redis.degraded' && event.operation !== 'write'
      ports.emit(event)
    }
    const full = { ...store, writeForced: () => Promise.reject(redisQuota('simulated')) }
    const process = { ...runtime, ports: { ...ports, emit }, store: async () => full }
    const { stored } = await forceRefresh(process, field, 'force', { purge: true })
    if (lost || stored) throw redisUnreachable('simulated', 'SIM_URL', new Error('it was not purged'))
  }

  const removals: Record<Removal, (field: SimField) => Promise<unknown>> = {
    del: ({ key }) => commands.del(key),
    deleteByPattern: ({ key }) => patterns.deleteByPattern(key),
    invalidatePattern: ({ key }) =>
      invalidatePattern(key, { ...runtime, removeByPattern: patterns.deleteByPattern }),
    purge,
  }
  return {
    get: commands.get,
    set: commands.set,
    async remove(field, by) {
      await removals[by](field)
    },
  }
}
