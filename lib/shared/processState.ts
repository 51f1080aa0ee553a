/**
 * State that exists once in a process. Next evaluates a module up to four times in one process and again at each edit
 * in development, so nothing that must be shared may hang on a module.
 */
const ROOT = Symbol.for('field-cache')

/** The value of a slot, made on first use. Keep plain data or long-lived objects here, never configuration. */
export function processState<T>(slot: string, create: () => T): T {
  const root = globalThis as { [ROOT]?: Map<string, unknown> }
  root[ROOT] ??= new Map()
  const slots = root[ROOT]
  if (!slots.has(slot)) slots.set(slot, create())
  return slots.get(slot) as T
}

/** Replaces the value of a slot: for wiring at start-up, and for tests. */
export function setProcessState<T>(slot: string, value: T): void {
  processState(slot, () => value)
  const root = globalThis as { [ROOT]?: Map<string, unknown> }
  root[ROOT]?.set(slot, value)
}
