import { askOnce } from '@/local/engine/ask'
import type { TestRedis } from '../redis/testRedis'

/** What Redis does by itself when their time is over: forgets all leases, those of failed fetches included. */
export async function endCoolDowns({ engine }: Pick<TestRedis, 'engine'>): Promise<void> {
  const names = (await askOnce(engine.url, ['KEYS', '*~lease:*'])) as string[]
  if (names.length > 0) await askOnce(engine.url, ['DEL', ...names])
}
