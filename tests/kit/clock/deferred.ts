export interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** A promise that is settled from outside, so that tests decide the order of events. */
export function deferred<T>(): Deferred<T> {
  const outside: Partial<Deferred<T>> = {}
  const promise = new Promise<T>((resolve, reject) => Object.assign(outside, { resolve, reject }))
  return Object.assign(outside, { promise }) as Deferred<T>
}

/** A promise of its own each time: what waits for a shared one would be kept for ever. */
export const never = (): Promise<never> => new Promise(() => undefined)
