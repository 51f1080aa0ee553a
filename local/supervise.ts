import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'

const GRACE_MS = 5_000
const PARENT_CHECK_MS = 500
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A signal that ends this program. */
export type StopSignal = (typeof SIGNALS)[number]

/** What to run, with the whole environment it shall see. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/**
 * From now on the stop signals no longer end this process: the first one calls `onStop`, and those after it do nothing,
 * since one Ctrl-C may arrive twice, from the terminal and from npm. Losing the parent counts as SIGTERM: npm passes a
 * signal on to the shell it runs scripts in, and that shell ends without telling us.
 */
export function catchStopSignals(onStop: (signal: StopSignal) => void): void {
  let stopped = false
  const stop = (signal: StopSignal): void => {
    if (!stopped) onStop(signal)
    stopped = true
  }
  for (const signal of SIGNALS) process.on(signal, () => stop(signal))
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) stop('SIGTERM')
  }, PARENT_CHECK_MS).unref()
}

/** The exit code a shell gives a process that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : signalExitCode(signal))))
  })
}

/**
 * Runs a command in this terminal and resolves with its exit code when it has ended. Aborting `stop` with a signal's
 * name as reason passes that signal on; a child that is still there `graceMs` (5 s) later is killed. It shares our
 * process group, so that whoever kills the group leaves nothing behind.
 */
export async function supervise(
  { file, args, env }: Command,
  stop: AbortSignal,
  graceMs = GRACE_MS,
): Promise<number> {
  const child = spawn(file, args, { stdio: 'inherit', env })
  let killTimer: NodeJS.Timeout | undefined
  const passOn = (): void => {
    killTimer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    // Next leaves its server running when it is hung up on.
    child.kill(stop.reason === 'SIGHUP' ? 'SIGTERM' : stop.reason)
  }
  stop.addEventListener('abort', passOn)
  if (stop.aborted) passOn()
  try {
    return await ended(child)
  } finally {
    clearTimeout(killTimer)
    stop.removeEventListener('abort', passOn)
  }
}
