import { never } from './universe'

/** What comes back to a dead process comes back to nobody; what it has sent is on its way all the same. */
export async function whileAlive<T>(isAlive: () => boolean, begin: () => Promise<T>): Promise<T> {
  if (!isAlive()) return never()
  try {
    const result = await begin()
    return isAlive() ? result : never()
  } catch (error) {
    if (isAlive()) throw error
    return never()
  }
}
