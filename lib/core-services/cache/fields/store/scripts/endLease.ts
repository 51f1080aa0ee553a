import { billedScript } from '../../../redis/billing'
import { SHEBANG } from '../../../redis/shebang'

/**
 * Replaces a lease by a note, only while it is still the holder's: another process may have it when the request arrives.
 * Returns 1, or 0 when it was not.
 *
 * KEYS: the lease. ARGV: holder, note, ms. Billed 3, or 2 when it was not the holder's.
 */
export const END_LEASE_SCRIPT = billedScript(
  `${SHEBANG}if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`,
  (reply) => (reply === 0 ? 1 : 2),
)
