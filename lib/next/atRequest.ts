import { io, unstable_noStore } from 'next/cache'
import { isControlFlowError } from './controlFlow'

/**
 * Keeps whatever follows out of prerendered pages. With Cache Components a prerender waits here for a request that does
 * not come; without them Next throws, and renders the page at each request.
 */
export async function atRequest(): Promise<void> {
  unstable_noStore()
  try {
    await io()
  } catch (error) {
    // After a response Next does not allow the question; then there was a request.
    if (isControlFlowError(error)) throw error
  }
}
