import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { getFieldCache } from '@/lib/core-services/cache/fieldCacheService'

/** Reads a field without waiting for a request first, as somebody will: a build must not get as far as the source. */
export default async function Page() {
  return <p>{(await getFieldCache(agentsCacheConfig)).length}</p>
}
