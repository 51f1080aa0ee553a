import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { HOST, listenOnLoopback } from '../loopback'
import { sendOnce } from './sendOnce'
import type { RedisEngine } from './types'

const READY_WITHIN_MS = 10_000
const POLL_MS = 20
const FREE_PORT_TRIES = 5

// Runs until its input ends, which the system closes when this process ends for any reason.
const GUARD_SCRIPT = 'read -r _; kill -9 "$1" 2>/dev/null; rm -rf -- "$2"'

async function findFreePort(): Promise<number> {
  const probe = createServer()
  const port = await listenOnLoopback(probe, 0)
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** The shell kills the child and removes its directory once this process is gone. */
function guard(pid: number, directory: string): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', GUARD_SCRIPT, 'sh', String(pid), directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  // Without a shell the engine outlives a parent that does not stop it.
  shell.on('error', () => undefined)
  return shell
}

async function isOurs(url: string, directory: string): Promise<boolean> {
  const answer = await sendOnce(url, ['CONFIG', 'GET', 'dir']).catch(() => undefined)
  return Array.isArray(answer) && answer.includes(directory)
}

async function waitUntilReady(
  child: ChildProcess,
  exited: Promise<unknown>,
  ready: () => Promise<boolean>,
): Promise<boolean> {
  const running = (): boolean => child.exitCode === null && child.signalCode === null
  const deadline = performance.now() + READY_WITHIN_MS
  while (running() && performance.now() < deadline) {
    if (await Promise.race([ready(), exited.then(() => false)])) return true
    await Promise.race([delay(POLL_MS), exited])
  }
  return false
}

async function launch(program: string, port: number, extra: readonly string[]): Promise<RedisEngine> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'redis-engine-')))
  const settings = ['--port', String(port), '--bind', HOST, '--dir', directory]
  const inMemory = ['--save', '', '--appendonly', 'no', '--daemonize', 'no']
  // A process group of its own, so that Ctrl-C does not end it before `stop` does.
  const child = spawn(program, [...settings, ...inMemory, ...extra], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output.push(text)
      if (output.length > 20) output.shift()
    })
  }
  const exited = once(child, 'exit').catch(() => undefined)
  const guardian = child.pid === undefined ? undefined : guard(child.pid, directory)
  // Another program may get the process id once the child has ended, so the shell must end too.
  const cleanedUp = exited.then(() => {
    guardian?.kill('SIGKILL')
    return rm(directory, { recursive: true, force: true })
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await cleanedUp
  }
  const url = `redis://${HOST}:${port}`
  if (await waitUntilReady(child, exited, () => isOurs(url, directory))) {
    return { kind: 'redis-server', url, stop }
  }
  await stop()
  throw new Error(`redis-server did not start on port ${port}: ${output.join('').trim().slice(-500)}`)
}

/**
 * Starts a redis-server without persistence; port 0 means any free one. It ends with this process at the latest. `extra`:
 * further arguments, such as `['--maxmemory', '10mb']`.
 */
export async function startRedisServer(
  program: string,
  port: number,
  extra: readonly string[] = [],
): Promise<RedisEngine> {
  if (port !== 0) return launch(program, port, extra)
  // Another program can take the port before redis-server listens on it.
  let failure: unknown
  for (let attempt = 0; attempt < FREE_PORT_TRIES; attempt += 1) {
    try {
      return await launch(program, await findFreePort(), extra)
    } catch (error) {
      failure = error
      if (!String(error).includes('already in use')) break
    }
  }
  throw failure
}
