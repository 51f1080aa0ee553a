/** The scripts that the cache sends, translated from Lua line by line. Other scripts are refused. */

import { EXTEND_LOCKS_SCRIPT } from '../../core-services/cache/coordination/scripts/extendLocks'
import { RELEASE_LOCKS_SCRIPT } from '../../core-services/cache/coordination/scripts/releaseLocks'
import { TAKE_LOCKS_SCRIPT } from '../../core-services/cache/coordination/scripts/takeLocks'
import { END_LEASE_SCRIPT } from '../../core-services/cache/fields/store/scripts/endLease'
import { TAKE_OVER_LEASE_SCRIPT } from '../../core-services/cache/fields/store/scripts/takeOverLease'
import { WRITE_FORCED_SCRIPT } from '../../core-services/cache/fields/store/scripts/writeForced'
import type { RawReply } from '../../core-services/cache/redis/pipeline'

type Call = (name: string, ...args: (string | number)[]) => RawReply
type Script = (call: Call, keys: readonly string[], args: readonly string[]) => RawReply

const force: Script = (
  call,
  [entry = '', ...guards],
  [text = '', ttl = '', own = '', life = '', ...expected],
) => {
  const current = call('MGET', ...guards) as RawReply[]
  if (current[0] === own) return 1
  if (current.some((token, index) => token !== expected[index])) return 0
  call('SET', entry, text, ...(ttl === '' ? [] : ['EX', ttl]))
  call('SET', guards[0] ?? '', own, ...(life === '' ? [] : ['EX', life]))
  return 1
}

const endLease: Script = (call, [lease = ''], [holder, note = '', milliseconds = '']) => {
  if (call('GET', lease) !== holder) return 0
  call('SET', lease, note, 'PX', milliseconds)
  return 1
}

const takeOver: Script = (call, [lease = ''], [holder = '', milliseconds = '', ...replaced]) => {
  const held = call('GET', lease)
  if (held !== null && ![holder, ...replaced].includes(String(held))) return 0
  call('SET', lease, holder, 'PX', milliseconds)
  return 1
}

const take: Script = (call, keys, [holder = '', milliseconds = '', floor = '']) => {
  const names = keys.slice(0, -1)
  const fence = keys.at(-1) ?? ''
  for (const [index, name] of names.entries()) {
    if (call('SET', name, holder, 'NX', 'PX', milliseconds) === 'OK') continue
    if (index > 0) call('DEL', ...names.slice(0, index))
    return 0
  }
  const token = call('INCR', fence) as number
  return token > 1 ? token : call('INCRBY', fence, floor)
}

const extend: Script = (call, names, [holder = '', milliseconds = '']) => {
  const holders = call('MGET', ...names) as RawReply[]
  if (holders.some((other) => other !== holder)) return 0
  for (const name of names) call('PEXPIRE', name, milliseconds)
  return 1
}

const release: Script = (call, names, [holder]) => {
  const holders = call('MGET', ...names) as RawReply[]
  const held = names.filter((_, index) => holders[index] === holder)
  return held.length === 0 ? 0 : call('DEL', ...held)
}

export const scripts: ReadonlyMap<string, Script> = new Map([
  [WRITE_FORCED_SCRIPT, force],
  [END_LEASE_SCRIPT, endLease],
  [TAKE_OVER_LEASE_SCRIPT, takeOver],
  [TAKE_LOCKS_SCRIPT, take],
  [EXTEND_LOCKS_SCRIPT, extend],
  [RELEASE_LOCKS_SCRIPT, release],
])
