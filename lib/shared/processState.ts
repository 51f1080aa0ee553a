/**
 * State that exists once per process. Next evaluates a module up to four times in a process, and again at each edit in
 * development, so a module cannot hold shared state.
 */
const ROOT = Symbol.for('field-cache')

/** Creates the value on first use. For plain data or long-lived objects, never configuration. */
export function processState<T>(slot: string, create: () => T): T {
  const root = globalThis as { [ROOT]?: Map<string, unknown> }
  root[ROOT] ??= new Map()
  const slots = root[ROOT]
  if (!slots.has(slot)) slots.set(slot, create())
  return slots.get(slot) as T
}

export function setProcessState<T>(slot: string, value: T): void {
  processState(slot, () => value)
  const root = globalThis as { [ROOT]?: Map<string, unknown> }
  root[ROOT]?.set(slot, value)
}
