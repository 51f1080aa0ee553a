import { after } from 'next/server'

/** Runs work after the response and keeps the serverless function alive for it. Outside of a request it runs at once. */
export function deferAfterResponse(work: () => Promise<void>): void {
  try {
    after(work)
  } catch {
    void work()
  }
}
