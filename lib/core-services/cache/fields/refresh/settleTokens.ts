/** Which tokens a fetched entry stores: those of its own tags, of the tags it keeps, and of what its value depends on. */

import type { Entry } from '../../entry/entry'
import { COARSE_GUARD, isTagGuard, ownGuard, type Token } from '../../entry/versionTokens'
import { noteGuards, type Place } from '../fieldPlace'
import { askStore, type FieldRuntime } from '../fieldRuntime'
import { type Lookup, MOST_TAGS } from '../lookup'
import { dependencyTokens } from './dependencyTokens'

/**
 * `tokens`: captured before the fetch, in the order of the guards of the look. Null when what the value depends on may have
 * changed during the fetch.
 */
export async function settleTokens(
  runtime: FieldRuntime,
  place: Place,
  dependencies: readonly string[],
  tokens: readonly Token[],
  look: Pick<Lookup, 'guards' | 'dependencies'>,
): Promise<Pick<Entry, 'tokens' | 'dependencies'> | null> {
  const { guards, captured } = capturedTokens(runtime, place, dependencies, tokens, look)
  // Whatever becomes of it, the next fetch captures them before it begins.
  noteGuards(runtime, place, [...guards.filter(isTagGuard), ...dependencies])
  const own = Object.fromEntries(
    guards.filter((guard) => guard !== COARSE_GUARD).map((guard) => [guard, captured[guard] as Token]),
  )
  if (!place.field.dependsOn) return { tokens: Object.freeze(own) }
  const told = dependencies.filter((guard) => !Object.hasOwn(own, guard))
  const settled = await askStore(runtime, 'dependencies', null, () =>
    dependencyTokens(runtime, place, told, captured[COARSE_GUARD] ?? '', look.dependencies),
  )
  return settled && { tokens: Object.freeze({ ...own, ...settled }), dependencies: told }
}

/** Tags that others name are kept as far as there is room; it is told once that configurations disagree. */
function capturedTokens(
  { hints, ports }: FieldRuntime,
  { name, field, guards: named }: Place,
  dependencies: readonly string[],
  tokens: readonly Token[],
  look: Pick<Lookup, 'guards'>,
): { guards: readonly string[]; captured: Record<string, Token> } {
  const captured = Object.fromEntries(look.guards.map((guard, index) => [guard, tokens[index] as Token]))
  const known = new Set([...named, ...dependencies, ownGuard(field.key)])
  const others = look.guards.filter((guard) => !known.has(guard))
  const room = Math.max(0, MOST_TAGS - [...known].filter(isTagGuard).length)
  const left = new Set(others.slice(room))
  const fieldHints = hints.get(name)
  if (others.length > 0 && !fieldHints.disagreed) {
    fieldHints.disagreed = true
    ports.emit({
      type: 'tags.disagreed',
      field: field.name,
      kept: others.length - left.size,
      left: left.size,
    })
  }
  return { guards: look.guards.filter((guard) => !left.has(guard)), captured }
}
