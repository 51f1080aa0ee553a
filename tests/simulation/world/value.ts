/** The values of the simulated fields, and the schemas that convert or refuse them. */
import type { StandardSchema } from '@/lib/core-services/cache/entry/schema'

export interface Value {
  /** Of the process that has fetched it, where there are several. */
  release?: string | undefined
  fetch: number
  /** Of several fetches that went on one after the other, the number of the last. */
  last?: number
  parts: readonly string[]
  /** Of a field that converts: as it is fetched in cents, as it is read in euros. */
  price?: number
}

export const CENTS = 1_000
export const EUROS = CENTS / 100

/** Never right about what it has made itself; takes a turn of the event loop, as a schema may. */
export const inEuros: StandardSchema<Value> = {
  '~standard': {
    version: 1,
    vendor: 'simulation',
    validate: async (value) => {
      const { price = 0, ...rest } = value as Value
      return { value: { ...rest, price: price / 100 } }
    },
  },
}

/** The shape of one release. */
export const ofRelease = (release: string): StandardSchema<Value> => ({
  '~standard': {
    version: 1,
    vendor: 'simulation',
    validate: (value) =>
      (value as Value).release === release
        ? { value: value as Value }
        : { issues: [{ message: 'it has the shape of another release' }] },
  },
})
