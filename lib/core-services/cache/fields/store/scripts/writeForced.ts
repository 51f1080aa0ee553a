import { billedScript } from '../../../redis/billing'
import { SHEBANG } from '../../../redis/shebang'

/**
 * Writes an entry and a new own token, if all captured tokens still hold. Returns 1, or 0 when one has changed.
 *
 * When the transport sends it again after a lost reply, it finds its own token in place and counts as done. No other process
 * writes that token, so this is the one token write that may be repeated.
 *
 * KEYS: the entry, its own version key, the other version keys. ARGV: text, ttl in s or '', the new own token, its life in s
 * or '', the expected tokens. Billed 4, or 2 when a token has changed.
 */
export const WRITE_FORCED_SCRIPT = billedScript(
  `${SHEBANG}local guards = {}
for i = 2, #KEYS do guards[i - 1] = KEYS[i] end
local current = redis.call('MGET', unpack(guards))
if current[1] == ARGV[3] then return 1 end
for i = 1, #current do
  if current[i] ~= ARGV[i + 4] then return 0 end
end
if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1]) else redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
if ARGV[4] == '' then redis.call('SET', KEYS[2], ARGV[3]) else redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4]) end
return 1`,
  (reply) => (reply === 0 ? 1 : 3),
)
