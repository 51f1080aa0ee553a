import { billedScript } from '../../redis/billing'
import { SHEBANG } from '../../redis/shebang'

/**
 * Sets the time that is left of all the locks. Returns 1, or 0 and changes nothing when the holder has lost one of them.
 *
 * KEYS: the locks. ARGV: holder, ms. Billed 2, and 1 for each lock; 2 when one was lost.
 */
export const EXTEND_LOCKS_SCRIPT = billedScript(
  `${SHEBANG}for _, holder in ipairs(redis.call('MGET', unpack(KEYS))) do
  if holder ~= ARGV[1] then return 0 end
end
for _, name in ipairs(KEYS) do redis.call('PEXPIRE', name, ARGV[2]) end
return 1`,
  (reply, keys) => (reply === 0 ? 1 : 1 + keys),
)
