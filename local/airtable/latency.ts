import { setTimeout as delay } from 'node:timers/promises'
import type { Handler } from './api'

/**
 * Makes every answer take `latencyMs` give or take a quarter, like a page of the real service; 0 adds nothing.
 * The answer is made on arrival and then held back, so a slow one can be out of date when it comes.
 */
export function withLatency(handler: Handler, latencyMs: number): Handler {
  if (latencyMs <= 0) return handler
  return async (request) => {
    const answer = await handler(request)
    await delay(latencyMs * (0.75 + Math.random() / 2))
    return answer
  }
}
