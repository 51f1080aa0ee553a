/**
 * What a service is, and the one place that starts services: by name, once, dependencies first. The app's services are
 * registered in serviceLoader.ts. State lives on `globalThis`, because Next evaluates a module several times in one
 * process.
 */

import { codedError, getErrorCode, getErrorMessage, isCodedError } from '../shared/errors'
import { defaultPorts, type Ports, processPorts } from '../shared/ports'
import { processState } from '../shared/processState'

export interface ServiceInterface {
  /** Resolves when the service can be used; rejects, with a message that says how to mend it, when it cannot. */
  initialize(): Promise<void>
}

/** Name → type of each service. Add yours by declaration merging, next to its registration. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface Services {}

export interface ServiceOptions<Name extends string> {
  /** Services that must have started before; when one fails, so does this one. */
  requires?: readonly Name[]
  /** Services that are started before, too, but whose failure does not stop this one. */
  prefers?: readonly Name[]
}

interface Registration {
  create: () => ServiceInterface
  requires: readonly string[]
  prefers: readonly string[]
  starting?: Promise<ServiceInterface>
  failure?: { error: unknown; until: number }
}

export type RegistryState = Map<string, Registration>

/** A failed start is answered with the same error for this long, in ms, before it is tried again. */
const RETRY_AFTER_MS = 5_000

export type ServiceRegistry<S> = ReturnType<typeof createServiceRegistry<S>>

export function createServiceRegistry<S>(
  state: RegistryState = new Map(),
  ports: () => Ports = () => defaultPorts,
) {
  type Name = keyof S & string

  function find(name: string): Registration {
    const registration = state.get(name)
    if (registration) return registration
    const known = [...state.keys()].join(', ') || 'none'
    throw codedError('SERVICE_UNKNOWN', `No service is registered as "${name}" (registered: ${known})`, {
      hint: 'Register it in serviceLoader.ts, and import that file where services are used first.',
    })
  }

  function assertNoCycle(name: string, path: readonly string[] = []): void {
    if (path.includes(name)) {
      throw codedError(
        'SERVICE_CYCLE',
        `Services depend on each other in a circle: ${[...path, name].join(' → ')}`,
        {
          hint: 'Take one of these dependencies out of serviceLoader.ts.',
        },
      )
    }
    const { requires, prefers } = find(name)
    for (const dependency of [...requires, ...prefers]) assertNoCycle(dependency, [...path, name])
  }

  async function start(name: string, registration: Registration): Promise<ServiceInterface> {
    const { clock, emit, isControlFlow } = ports()
    const started = clock.monotonic()
    try {
      await Promise.all([
        ...registration.requires.map((dependency) => startOnce(dependency)),
        ...registration.prefers.map((dependency) => startOnce(dependency).catch(unless(isControlFlow))),
      ])
      const service = registration.create()
      await service.initialize()
      emit({ type: 'service.initialized', service: name, durationMs: clock.monotonic() - started })
      return service
    } catch (error) {
      delete registration.starting
      if (isControlFlow(error)) throw error
      const failure = codedError(
        'SERVICE_FAILED',
        `The service "${name}" did not start: ${getErrorMessage(error)}`,
        {
          cause: error,
          ...(isCodedError(error) && error.hint !== undefined ? { hint: error.hint } : {}),
        },
      )
      registration.failure = { error: failure, until: clock.monotonic() + RETRY_AFTER_MS }
      emit({
        type: 'service.failed',
        service: name,
        code: getErrorCode(error),
        message: getErrorMessage(error),
      })
      throw failure
    }
  }

  function startOnce(name: string): Promise<ServiceInterface> {
    const registration = find(name)
    const { failure } = registration
    if (failure && ports().clock.monotonic() < failure.until) return Promise.reject(failure.error)
    registration.starting ??= start(name, registration)
    return registration.starting
  }

  return {
    /** Registers a service under a name, as an instance or as a function that makes it on first use. */
    register<N extends Name>(
      name: N,
      service: (S[N] & ServiceInterface) | (() => S[N] & ServiceInterface),
      options: ServiceOptions<Name> = {},
    ): void {
      if (state.has(name)) {
        throw codedError('SERVICE_DUPLICATE', `A service is already registered as "${name}"`, {
          hint: 'Give the second one another name; in serviceLoader.ts ask has() first.',
        })
      }
      const create =
        typeof service === 'function'
          ? (service as () => ServiceInterface)
          : () => service as ServiceInterface
      state.set(name, { create, requires: options.requires ?? [], prefers: options.prefers ?? [] })
    },

    has: (name: Name): boolean => state.has(name),

    /** The started service. Callers at the same time share one start; a failure is told again for 5 s, then retried. */
    async getService<N extends Name>(name: N): Promise<S[N]> {
      if (!find(name).starting) assertNoCycle(name)
      return (await startOnce(name)) as S[N]
    },
  }
}

/** The process's own registry. */
export const serviceRegistry: ServiceRegistry<Services> = createServiceRegistry<Services>(
  processState<RegistryState>('services', () => new Map()),
  processPorts,
)

function unless(isControlFlow: (error: unknown) => boolean) {
  return (error: unknown): void => {
    if (isControlFlow(error)) throw error
  }
}
