import { describe, expect, it } from 'vitest'
import {
  createServiceRegistry,
  type RegistryState,
  type ServiceInterface,
} from '@/lib/core-services/service-registry'
import { defaultPorts } from '@/lib/shared/ports'
import { manualClock } from '@/lib/testing/clock'

interface Recorder extends ServiceInterface {
  starts: number
}

interface TestServices {
  cache: Recorder
  airtable: Recorder
  mail: Recorder
}

function recorder(log: string[], name: string, fail: () => boolean = () => false): Recorder {
  return {
    starts: 0,
    async initialize() {
      this.starts += 1
      await Promise.resolve()
      if (fail()) throw new Error(`${name} has no wires`)
      log.push(name)
    },
  }
}

describe('service registry', () => {
  it('starts dependencies first, hard and soft ones', async () => {
    const log: string[] = []
    const registry = createServiceRegistry<TestServices>()
    registry.register('mail', recorder(log, 'mail'), { requires: ['airtable'] })
    registry.register('airtable', recorder(log, 'airtable'), { prefers: ['cache'] })
    registry.register('cache', recorder(log, 'cache'))
    await registry.getService('mail')
    expect(log).toEqual(['cache', 'airtable', 'mail'])
  })

  it('shares one start between concurrent callers, and the service afterwards', async () => {
    const service = recorder([], 'cache')
    const registry = createServiceRegistry<TestServices>()
    registry.register('cache', service)
    const found = await Promise.all([registry.getService('cache'), registry.getService('cache')])
    found.push(await registry.getService('cache'))
    expect(found.every((one) => one === service)).toBe(true)
    expect(service.starts).toBe(1)
  })

  it('starts a service although a soft dependency failed, not although a hard one did', async () => {
    const registry = createServiceRegistry<TestServices>()
    registry.register(
      'cache',
      recorder([], 'cache', () => true),
    )
    registry.register('airtable', recorder([], 'airtable'), { prefers: ['cache'] })
    registry.register('mail', recorder([], 'mail'), { requires: ['cache'] })
    await expect(registry.getService('airtable')).resolves.toMatchObject({ starts: 1 })
    await expect(registry.getService('mail')).rejects.toMatchObject({ code: 'SERVICE_FAILED' })
  })

  it('names the failed service and the reason', async () => {
    const registry = createServiceRegistry<TestServices>()
    registry.register(
      'cache',
      recorder([], 'cache', () => true),
    )
    await expect(registry.getService('cache')).rejects.toThrow(
      'The service "cache" did not start: cache has no wires',
    )
  })

  it('answers a failure again for 5 s without a new start, then retries', async () => {
    const clock = manualClock()
    let broken = true
    const service = recorder([], 'cache', () => broken)
    const registry = createServiceRegistry<TestServices>(new Map(), () => ({ ...defaultPorts, clock }))
    registry.register('cache', service)
    await expect(registry.getService('cache')).rejects.toThrow('no wires')
    broken = false
    await expect(registry.getService('cache')).rejects.toThrow('no wires')
    expect(service.starts).toBe(1)
    clock.advance(5_000)
    await expect(registry.getService('cache')).resolves.toBe(service)
  })

  it('passes control-flow errors of the framework through untouched and forgets them', async () => {
    const signal = new Error('rendering is dynamic')
    let prerendering = true
    const registry = createServiceRegistry<TestServices>(new Map(), () => ({
      ...defaultPorts,
      isControlFlow: (error) => error === signal,
    }))
    registry.register('cache', {
      starts: 0,
      async initialize() {
        if (prerendering) throw signal
      },
    })
    registry.register('airtable', recorder([], 'airtable'), { prefers: ['cache'] })
    await expect(registry.getService('cache')).rejects.toBe(signal)
    await expect(registry.getService('airtable')).rejects.toBe(signal)
    prerendering = false
    await expect(registry.getService('airtable')).resolves.toBeDefined()
  })

  it('refuses a second registration under a name', () => {
    const registry = createServiceRegistry<TestServices>()
    registry.register('cache', recorder([], 'cache'))
    expect(() => registry.register('cache', recorder([], 'cache'))).toThrow('already registered as "cache"')
  })

  it('names what is registered when the name is unknown', async () => {
    const registry = createServiceRegistry<TestServices>()
    registry.register('cache', recorder([], 'cache'))
    await expect(registry.getService('mail')).rejects.toMatchObject({
      code: 'SERVICE_UNKNOWN',
      message: 'No service is registered as "mail" (registered: cache)',
    })
  })

  it('shows the circle when services depend on each other', async () => {
    const registry = createServiceRegistry<TestServices>()
    registry.register('cache', recorder([], 'cache'), { requires: ['mail'] })
    registry.register('mail', recorder([], 'mail'), { prefers: ['cache'] })
    await expect(registry.getService('cache')).rejects.toMatchObject({
      code: 'SERVICE_CYCLE',
      message: 'Services depend on each other in a circle: cache → mail → cache',
    })
  })

  it('keeps its services when the module is evaluated again over the same state', async () => {
    const state: RegistryState = new Map()
    const service = recorder([], 'cache')
    createServiceRegistry<TestServices>(state).register('cache', service)
    const secondEvaluation = createServiceRegistry<TestServices>(state)
    expect(secondEvaluation.has('cache')).toBe(true)
    await expect(secondEvaluation.getService('cache')).resolves.toBe(service)
  })
  it('lists its services and the readers of their settings, for boot', () => {
    const registry = createServiceRegistry<TestServices>()
    const readUrl = (env: Readonly<Record<string, string | undefined>>) => env.URL
    registry.register('cache', recorder([], 'cache'), { settings: [readUrl] })
    registry.register('mail', recorder([], 'mail'))
    expect(registry.names()).toEqual(['cache', 'mail'])
    expect(registry.settings()).toEqual([readUrl])
  })
})
