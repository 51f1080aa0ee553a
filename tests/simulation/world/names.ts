/** The names of the simulated fields, and of what stands for them in Redis. */
import { keySpace } from '../../kit/simulation/network'

export const fieldKey = (field: number): string => `f${field}`

export const physicalNames = {
  entry: keySpace.physical,
  guard: (guard: string): string => keySpace.internal('token', guard),
}
