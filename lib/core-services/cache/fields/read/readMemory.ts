import { storesGuards } from '../../entry/freshness'
import { areTokensCurrent } from '../../entry/versionTokens'
import type { FieldAnswer, FieldContext, OpenedEntry } from '../fieldContext'
import type { FieldSlot } from '../fieldSlot'
import type { Copy } from '../memory/memoryCache'
import { withReaderTimeout } from './readerTimeout'
import { answerFromCopies, usableCopies } from './withoutRedis'

/** Default of `memoryTtl`, in s. */
const MEMORY_TTL_SECONDS = 1

/** Answers while the last confirmation of the copy is within `memoryTtl`. */
export async function readMemory<T>(field: FieldContext<T>): Promise<FieldAnswer<T> | null> {
  const { runtime, config } = field
  const { memoryCache, ports } = runtime
  const copy = memoryCache.get(field.slotName)
  if (!copy || memoryCache.unprovenFor(copy) >= (config.memoryTtl ?? MEMORY_TTL_SECONDS) * 1000) return null
  if (!storesGuards(copy.entry, field.guards)) return null
  if (field.freshness(copy.entry) !== 'fresh') return null
  const opened = await field.open(copy.entry)
  if (!opened) return null
  ports.emit({ type: 'field.lookup', field: config.name, at: 'memory', found: 'fresh' })
  return field.answer(opened, 'hit', { cacheMs: 0, sourceMs: 0 })
}

/** Answers if Redis confirms the tokens of the copy: a few hundred bytes, however large the value is. */
export async function revalidateCopy<T>(slot: FieldSlot<T>): Promise<FieldAnswer<T> | null> {
  const { context, runtime } = slot
  const { memoryCache, ports } = runtime
  const copy = memoryCache.get(slot.name)
  if (!copy || !storesGuards(copy.entry, slot.guards)) return null
  // Past its ttl Redis may hold a newer value.
  if (context.freshness(copy.entry) !== 'fresh') return null
  const started = ports.clock.monotonic()
  const ask = () => proveCopy(slot, copy)
  const copies = usableCopies(context)
  const reply =
    copies.length > 0
      ? await withReaderTimeout(runtime, `tokens ${slot.name}`, ask)
      : ({ kind: 'answered', value: await ask() } as const)
  if (reply.kind === 'late') return answerFromCopies(context, copies)
  const opened = reply.value
  return opened && context.answer(opened, 'hit', { cacheMs: ports.clock.monotonic() - started, sourceMs: 0 })
}

/** Drops the copy unless its tokens hold. A late answer counts, too. */
async function proveCopy<T>(slot: FieldSlot<T>, copy: Copy): Promise<OpenedEntry<T> | null> {
  const { memoryCache, ports } = slot.runtime
  const guards = Object.keys(copy.entry.tokens)
  const snapshot = await slot.store.read(guards.map(slot.store.names.guard))
  const token = (guard: string) => snapshot.get(slot.store.names.guard(guard))
  const holds = areTokensCurrent(guards, copy.entry.tokens, token)
  memoryCache.noteTokens(
    guards.map((guard) => [guard, token(guard)] as const),
    snapshot.sentAt,
  )
  const opened = holds ? await slot.context.open(copy.entry) : null
  ports.emit({
    type: 'field.lookup',
    field: slot.config.name,
    at: 'tokens',
    found: holds ? 'fresh' : 'invalidated',
  })
  if (opened) memoryCache.prove(copy, snapshot.sentAt)
  else if (memoryCache.get(slot.name) === copy) memoryCache.drop(slot.name)
  return opened
}
