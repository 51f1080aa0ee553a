/**
 * Starts services by name: each once, its dependencies first. State lives on `globalThis`, because Next evaluates a
 * module several times in one process.
 */

import type { Env } from '../shared/env'
import { codedError, getErrorCode, getErrorMessage, isCodedError } from '../shared/errors'
import { defaultPorts, type Ports, processPorts } from '../shared/ports'
import { processState } from '../shared/processState'

export interface ServiceInterface {
  /** Resolves when the service can be used. Rejects with a message that says what to do. */
  initialize(): Promise<void>
}

/** The type of each service by name. Add yours by declaration merging, next to its registration. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface Services {}

export interface ServiceOptions<Name extends string> {
  /**
   * Services that must start before this one. When one of them fails, this one fails.
   * @default []
   */
  requires?: readonly Name[]
  /**
   * Services that start before this one. It starts even when they fail.
   * @default []
   */
  prefers?: readonly Name[]
  /**
   * Functions that read the settings of this service. Boot calls those of all services before it starts any, and reports
   * everything that they throw at once.
   * @default []
   */
  settings?: readonly ((env: Env) => unknown)[]
}

interface Registration {
  create: () => ServiceInterface
  requires: readonly string[]
  prefers: readonly string[]
  settings?: readonly ((env: Env) => unknown)[]
  starting?: Promise<ServiceInterface>
  failure?: { error: unknown; until: number }
}

export type RegistryState = Map<string, Registration>

/** How long a failed start is answered with the same error, in ms. */
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
      hint: 'Register it in serviceLoader.ts, and import that file before the first use of a service.',
    })
  }

  function assertNoCycle(name: string, path: readonly string[] = []): void {
    if (path.includes(name)) {
      throw codedError(
        'SERVICE_CYCLE',
        `Services depend on each other in a circle: ${[...path, name].join(' → ')}`,
        {
          hint: 'Remove one of these dependencies from serviceLoader.ts.',
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
    /** Takes an instance, or a function that creates it on first use. Throws SERVICE_DUPLICATE when the name is taken. */
    register<N extends Name>(
      name: N,
      service: (S[N] & ServiceInterface) | (() => S[N] & ServiceInterface),
      options: ServiceOptions<Name> = {},
    ): void {
      if (state.has(name)) {
        throw codedError('SERVICE_DUPLICATE', `A service is already registered as "${name}"`, {
          hint: 'Give the second one another name, or check has() before, as serviceLoader.ts does.',
        })
      }
      const create =
        typeof service === 'function'
          ? (service as () => ServiceInterface)
          : () => service as ServiceInterface
      const { requires = [], prefers = [], settings = [] } = options
      state.set(name, { create, requires, prefers, settings })
    },

    has: (name: Name): boolean => state.has(name),

    names: (): Name[] => [...state.keys()] as Name[],

    settings: (): ((env: Env) => unknown)[] => [...state.values()].flatMap(({ settings = [] }) => settings),

    /**
     * Resolves with the started service. Concurrent callers share one start. Rejects with SERVICE_FAILED, with the same
     * error for 5 s and then after a new attempt, or with SERVICE_UNKNOWN or SERVICE_CYCLE.
     */
    async getService<N extends Name>(name: N): Promise<S[N]> {
      if (!find(name).starting) assertNoCycle(name)
      return (await startOnce(name)) as S[N]
    },
  }
}

export const serviceRegistry: ServiceRegistry<Services> = createServiceRegistry<Services>(
  processState<RegistryState>('services', () => new Map()),
  processPorts,
)

function unless(isControlFlow: (error: unknown) => boolean) {
  return (error: unknown): void => {
    if (isControlFlow(error)) throw error
  }
}
