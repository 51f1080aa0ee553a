import { createFieldStore } from '@/lib/core-services/cache/engine/fieldStore'
import { createKeySpace } from '@/lib/core-services/cache/engine/keys'
import { systemClock } from '@/lib/core-services/cache/engine/ports'

const sent = new Set<string>()
const store = createFieldStore(
  async (name, script) => {
    if (name === 'EVAL') sent.add(String(script))
    return 1
  },
  async () => [],
  createKeySpace({ prefix: 'test', version: 'v1', maxLength: 250 }),
  { clock: systemClock },
)
await store.release('lease', 'name', 'token')
await store.writeForced({ entry: 'entry', text: 'text', ttl: 60, own: 'new', expected: [['token', 'old']] })

/** The scripts that the project runs, as it sends them. */
export const projectScripts: readonly string[] = [...sent]
