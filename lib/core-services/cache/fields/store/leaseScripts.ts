/** What is done to a lease only if it is still that of the caller: by the time a request arrives another may have it. */
import { billedScript } from '../../redis/billing'
import { SHEBANG } from '../../redis/shebang'

/**
 * KEYS: the lease. ARGV: its holder, the text to leave in its place, ms. Answers 1, or 0 when another holder or none was
 * there. Billed 3, or 2 when it was not the holder's.
 */
export const END_LEASE_SCRIPT = billedScript(
  `${SHEBANG}if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`,
  (reply) => (reply === 0 ? 1 : 2),
)

/**
 * KEYS: the lease. ARGV: the new holder, ms, the holders that it replaces. Takes a lease that is free, or that the
 * same process has asked for before and no longer uses. Answers 1, or 0 when another process has it. Billed 3, or 2.
 */
export const TAKE_OVER_SCRIPT = billedScript(
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
