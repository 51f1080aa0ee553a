import { billedScript } from '../../redis/billing'
import { SHEBANG } from '../../redis/shebang'

/**
 * Takes all of the locks or none. Returns the fencing token, or 0 when one of the locks is held.
 *
 * The counter of tokens never expires. If it is lost all the same, tokens go on from the floor, a wall clock in ms: a counter
 * that rises less than a thousand times a second never reaches it.
 *
 * KEYS: the locks, then the counter of tokens. ARGV: holder, ms, floor. Billed 3 for one lock, 2 when it is held; 2 more for
 * the first token of all.
 */
export const TAKE_LOCKS_SCRIPT = billedScript(
  `${SHEBANG}for i = 1, #KEYS - 1 do
  if not redis.call('SET', KEYS[i], ARGV[1], 'NX', 'PX', ARGV[2]) then
    if i > 1 then redis.call('DEL', unpack(KEYS, 1, i - 1)) end
    return 0
  end
end
local token = redis.call('INCR', KEYS[#KEYS])
if token > 1 then return token end
return redis.call('INCRBY', KEYS[#KEYS], ARGV[3])`,
  (reply, keys) => (reply === 0 ? 1 : keys),
)
