import { after } from 'next/server'

/** Runs work after the response, and keeps the function alive for it; outside of a request it just runs. */
export function deferAfterResponse(work: () => Promise<void>): void {
  try {
    after(work)
  } catch {
    void work()
  }
}
