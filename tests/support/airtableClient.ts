import { AirtableService } from '@/lib/core-services/airtable/airtableService'
import { defaultPorts, type Ports } from '@/lib/core-services/cache/engine/ports'

/** A clock by which a second passes between any two looks, so that no turn is waited for, and pauses are only noted. */
export function hastyClock() {
  let elapsed = 0
  const pauses: number[] = []
  const tick = () => {
    elapsed += 1_000
    return elapsed
  }
  const sleep = async (milliseconds: number) => {
    pauses.push(milliseconds)
  }
  return { pauses, now: () => Date.UTC(2026, 0, 1), monotonic: tick, sleep }
}

/** The client, started. */
export async function airtableClient(
  connection: { url: string; apiKey: string; pageTimeoutMs?: number },
  ports: Partial<Ports> = {},
): Promise<AirtableService> {
  const { url: endpointUrl, apiKey, pageTimeoutMs = 5_000 } = connection
  const service = new AirtableService(() => ({ apiKey, endpointUrl, pageTimeoutMs }), {
    ...defaultPorts,
    clock: hastyClock(),
    ...ports,
  })
  await service.initialize()
  return service
}
