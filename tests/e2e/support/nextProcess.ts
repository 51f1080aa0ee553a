import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'

const nextCli = createRequire(import.meta.url).resolve('next/dist/bin/next')

/** Killed when this process exits: whatever ends a run, no server outlives it. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface NextProcess {
  url: string
  /** Of the process that answers. */
  pid: number
  /** Everything the process has printed so far, on both streams. */
  output(): string
  /** The exit code, once the process has ended. */
  ended: Promise<number | null>
  stop(): Promise<void>
  /** Ends it as a crash would. */
  kill(): Promise<void>
}

/** What a process sees: PATH and HOME of the tests, and what it is given; none of the credentials around. */
function environment(variables: Record<string, string>): NodeJS.ProcessEnv {
  const { PATH, HOME, CACHE_COMPONENTS } = process.env
  return {
    PATH,
    HOME,
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    ...(CACHE_COMPONENTS === undefined ? {} : { CACHE_COMPONENTS }),
    ...variables,
  }
}

function collect(child: ChildProcess): { output(): string; ended: Promise<number | null> } {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { output: () => text, ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))) }
}

/** Runs `next <args>` to its end. */
export async function runNext(
  args: string[],
  variables: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [nextCli, ...args], { env: environment(variables) })
  const { output, ended } = collect(child)
  return { code: await ended, output: output() }
}

/** `next start` on a free port, ready or already ended; of the app itself unless another directory is named. */
export async function startNext(variables: Record<string, string>, directory = '.'): Promise<NextProcess> {
  const port = await freePort()
  return launch([nextCli, 'start', directory, '-p', String(port)], port, variables)
}

/** The server that a standalone build has written, on a free port. */
export async function startStandalone(
  serverFile: string,
  variables: Record<string, string>,
): Promise<NextProcess> {
  const port = await freePort()
  return launch([serverFile], port, { ...variables, PORT: String(port), HOSTNAME: '127.0.0.1' })
}

async function launch(args: string[], port: number, variables: Record<string, string>): Promise<NextProcess> {
  const child = spawn(process.execPath, args, { env: environment(variables) })
  const { output, ended } = collect(child)
  running.add(child)
  void ended.then(() => running.delete(child))
  const url = `http://127.0.0.1:${port}`
  await Promise.race([ended, answering(url)])
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await ended
  }
  return { url, pid: child.pid ?? 0, output, ended, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

async function answering(url: string): Promise<void> {
  for (;;) {
    const answered = await fetch(`${url}/api/health`).then(
      () => true,
      () => false,
    )
    if (answered) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
