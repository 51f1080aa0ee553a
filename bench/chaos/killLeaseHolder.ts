/** Kills a server while it fetches for all. Exactly one other server must take over, and no read may fail. */
import { setTimeout as delay } from 'node:timers/promises'
import { sendOnce } from '@/local/engine/sendOnce'
import type { Cluster } from './cluster'
import type { Load } from './load'
import { LEASED_FIELD } from './names'
import { READS_ONLY } from './source'

/** In ms: the fetch must still run when the server dies, and end before the deadline of a page. */
const SLOW_SOURCE_MS = 1_000
const LEASE_WITHIN_MS = 10_000

export async function killLeaseHolder(cluster: Cluster, load: Load): Promise<void> {
  const { servers, source } = cluster
  const [victim] = servers
  if (victim === undefined) throw new Error('there is no server to kill')
  await source.server.faults.set({ kind: 'slow', ms: SLOW_SOURCE_MS, match: READS_ONLY })
  const doomed = load.send(victim, 'read', LEASED_FIELD.name)
  await leaseTaken(cluster)
  await cluster.kill(victim)
  await source.server.faults.clear()
  await doomed
  await Promise.all(
    servers.filter(({ alive }) => alive).map((server) => load.send(server, 'read', LEASED_FIELD.name)),
  )
  const revived = await cluster.restart(victim)
  await load.send(revived, 'read', LEASED_FIELD.name)
}

async function leaseTaken({ redis, leasePattern }: Cluster): Promise<void> {
  const giveUpAt = performance.now() + LEASE_WITHIN_MS
  while (performance.now() < giveUpAt) {
    const leases = await sendOnce(redis.engine.url, ['KEYS', leasePattern(LEASED_FIELD.key)])
    if (Array.isArray(leases) && leases.length > 0) return
    await delay(5)
  }
  throw new Error('no server took the lease')
}
