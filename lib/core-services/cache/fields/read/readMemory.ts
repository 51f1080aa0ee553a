/** Answers out of the memory of this process: at once while its proof is young, then once Redis says that nothing changed. */

import { covers, getFreshness } from '../../entry/freshness'
import { tokensHold } from '../../entry/versionTokens'
import type { FieldCacheConfig } from '../fieldConfig'
import { guardsFor, type Place, placeName } from '../fieldPlace'
import type { FieldRuntime } from '../fieldRuntime'
import type { Copy } from '../memory/memoryCache'
import type { Opened } from '../refresh/fetchEntry'
import { answer, type FieldAnswer, openKnown } from './fieldAnswer'
import { inPatience } from './patience'
import { answerHeld, heldCopies } from './withoutRedis'

/** How long an instance answers from memory without asking Redis unless the field says otherwise, in s. */
const MEMORY_TTL_SECONDS = 1

/** From memory alone, as long as its proof is young enough. */
export async function readMemory<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
): Promise<FieldAnswer<T> | null> {
  const { memoryCache, ports } = runtime
  const copy = memoryCache.get(placeName(runtime, config))
  if (!copy || memoryCache.unprovenFor(copy) >= (config.memoryTtl ?? MEMORY_TTL_SECONDS) * 1000) return null
  if (!covers(copy.entry, guardsFor(config))) return null
  if (getFreshness(copy.entry, config, ports.clock.now()) !== 'fresh') return null
  const opened = await openKnown(runtime, config, copy.entry)
  if (!opened) return null
  ports.emit({ type: 'field.lookup', field: config.name, at: 'memory', found: 'fresh' })
  return answer(runtime, opened, 'hit', { cacheMs: 0, sourceMs: 0 })
}

/** The copy in memory if Redis says that its tokens stand: a few hundred bytes, however large the value is. */
export async function revalidate<T>(
  runtime: FieldRuntime,
  place: Place,
  config: FieldCacheConfig<T>,
): Promise<FieldAnswer<T> | null> {
  const { memoryCache, ports } = runtime
  const copy = memoryCache.get(place.name)
  if (!copy || !covers(copy.entry, place.guards)) return null
  // Past its ttl somebody may have stored a newer one.
  if (getFreshness(copy.entry, config, ports.clock.now()) !== 'fresh') return null
  const guards = Object.keys(copy.entry.tokens)
  const started = ports.clock.monotonic()
  const ask = () => proveCopy(runtime, place, config, copy, guards)
  const held = heldCopies(runtime, config)
  const opened = held.length > 0 ? await inPatience(runtime, `tokens ${place.name}`, ask) : await ask()
  if (opened === 'late') return answerHeld(runtime, config, held)
  return opened && answer(runtime, opened, 'hit', { cacheMs: ports.clock.monotonic() - started, sourceMs: 0 })
}

/** Asks for the tokens of a copy, and drops it unless they stand. An answer that comes late says so as well. */
async function proveCopy<T>(
  runtime: FieldRuntime,
  place: Place,
  config: FieldCacheConfig<T>,
  copy: Copy,
  guards: readonly string[],
): Promise<Opened<T> | null> {
  const { memoryCache, ports } = runtime
  const snapshot = await place.store.read(guards.map(place.store.names.guard))
  const token = (guard: string) => snapshot.get(place.store.names.guard(guard))
  const holds = tokensHold(guards, copy.entry.tokens, token)
  memoryCache.noteTokens(
    guards.map((guard) => [guard, token(guard)] as const),
    snapshot.sentAt,
  )
  const opened = holds ? await openKnown(runtime, config, copy.entry) : null
  ports.emit({
    type: 'field.lookup',
    field: config.name,
    at: 'tokens',
    found: holds ? 'fresh' : 'invalidated',
  })
  if (opened) memoryCache.prove(copy, snapshot.sentAt)
  else if (memoryCache.get(place.name) === copy) memoryCache.drop(place.name)
  return opened
}
