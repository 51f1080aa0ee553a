import { io, unstable_noStore } from 'next/cache'
import { isControlFlowError } from './controlFlow'

/**
 * Keeps the code after it out of prerendered pages. With Cache Components a prerender waits here for a request that never
 * comes. Without them Next throws, and renders the page at each request.
 */
export async function atRequest(): Promise<void> {
  unstable_noStore()
  try {
    await io()
  } catch (error) {
    // After a response Next does not allow this call, but then there was a request.
    if (isControlFlowError(error)) throw error
  }
}
