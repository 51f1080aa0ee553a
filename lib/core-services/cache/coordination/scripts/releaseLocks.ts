import { billedScript } from '../../redis/billing'
import { SHEBANG } from '../../redis/shebang'

/**
 * Releases the locks that the holder still has. Returns how many those were.
 *
 * KEYS: the locks. ARGV: holder. Billed 3 for any number of locks, or 2 when the holder has none.
 */
export const RELEASE_LOCKS_SCRIPT = billedScript(
  `${SHEBANG}local held = {}
for i, holder in ipairs(redis.call('MGET', unpack(KEYS))) do
  if holder == ARGV[1] then held[#held + 1] = KEYS[i] end
end
if #held == 0 then return 0 end
return redis.call('DEL', unpack(held))`,
  (reply) => (reply === 0 ? 1 : 2),
)
