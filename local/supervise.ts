import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'

const GRACE_MS = 5_000
const PARENT_CHECK_MS = 500
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export type StopSignal = (typeof SIGNALS)[number]

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/**
 * Calls `onStop` at the first stop signal, which no longer ends this process. Later signals do nothing, since one Ctrl-C may
 * arrive twice, from the terminal and from npm. The end of the parent counts as SIGTERM: npm sends a signal to the shell
 * that runs the script, and that shell ends without passing it on.
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

/** As shells report it for a process that was ended by a signal. */
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
 * Runs a command in this terminal, and resolves with its exit code. Aborting `stop` with the name of a signal as reason
 * sends that signal to the child. A child that is still running `graceMs` later is killed. It is in the same process group
 * as this process, so that killing the group ends both.
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
    // Next leaves its server running after a SIGHUP.
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
