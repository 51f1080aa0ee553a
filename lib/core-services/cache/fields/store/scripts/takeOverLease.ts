import { billedScript } from '../../../redis/billing'
import { SHEBANG } from '../../../redis/shebang'

/**
 * Takes a lease that is free, or that this process has taken before under another holder it no longer uses. Returns 1, or 0
 * when another process has it.
 *
 * KEYS: the lease. ARGV: the new holder, ms, the holders that it replaces. Billed 3, or 2 when another process has it.
 */
export const TAKE_OVER_LEASE_SCRIPT = billedScript(
  `${SHEBANG}local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  local own = false
  for i = 3, #ARGV do own = own or holder == ARGV[i] end
  if not own then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`,
  (reply) => (reply === 0 ? 1 : 2),
)
