import { sendOnce } from '@/local/engine/sendOnce'
import type { TestRedis } from '../redis/testRedis'

/** What Redis does by itself when their time is over: forgets all leases, those of failed fetches included. */
export async function endCoolDowns({ engine }: Pick<TestRedis, 'engine'>): Promise<void> {
  const names = (await sendOnce(engine.url, ['KEYS', '*~lease:*'])) as string[]
  if (names.length > 0) await sendOnce(engine.url, ['DEL', ...names])
}
