import { createLockStore } from '@/lib/core-services/cache/coordination/lockStore'
import { createFieldStore } from '@/lib/core-services/cache/fields/store/fieldStore'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import type { Send } from '@/lib/core-services/cache/redis/pipeline'
import { systemClock } from '@/lib/shared/clock'

const sent = new Set<string>()
const send: Send = async (name, script) => {
  if (name === 'EVAL') sent.add(String(script))
  return 1
}
const keys = createKeySpace({ prefix: 'test', version: 'v1', maxLength: 250 })

const store = createFieldStore(send, async () => [], 100, keys, { clock: systemClock })
await store.writeForced({
  entry: 'entry',
  text: 'text',
  ttl: 60,
  own: { token: 'new' },
  expected: [['token', 'old']],
})

const locks = createLockStore(send, keys)
await locks.take(['name'], 'holder', 1_000, 1)
await locks.extend(['name'], 'holder', 1_000)
await locks.release(['name'], 'holder')

/** The scripts that the project runs, as it sends them. */
export const projectScripts: readonly string[] = [...sent]
