/** The names of the simulated fields, and of what stands for them in Redis. */
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'

export const fieldKey = (field: number): string => `f${field}`

export const keySpace = createKeySpace({ prefix: 'sim', version: 'v1', maxLength: 250 })

export const physicalNames = {
  entry: keySpace.physical,
  guard: (guard: string): string => keySpace.internal('token', guard),
}
