/** Lists of a plan that apply over and over: faults to one request after the other, delays to one way after the other. */

/** The value for the nth of them; `otherwise` for an empty list. */
export function pickInTurn<T>(values: readonly T[], nth: number, otherwise: T): T {
  return values[nth % Math.max(1, values.length)] ?? otherwise
}

/** Hands out one value after the other, and begins again after the last. */
export function inTurn<T>(values: readonly T[], otherwise: T): () => T {
  let taken = 0
  return () => pickInTurn(values, taken++, otherwise)
}
