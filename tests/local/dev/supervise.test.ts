import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { signalExitCode, supervise } from '@/local/supervise'

const run = (script: string, env: NodeJS.ProcessEnv = process.env) => ({
  file: process.execPath,
  args: ['-e', script],
  env,
})

/** Runs `script` and aborts with SIGTERM once it has connected back, which it does after its own set-up. */
async function stopOnceReady(script: string, graceMs?: number): Promise<number> {
  const stop = new AbortController()
  const server = createServer((socket) => {
    socket.on('error', () => {})
    stop.abort('SIGTERM')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const code = await supervise(
    run(`${script}; require('net').connect(${port}, '127.0.0.1')`),
    stop.signal,
    graceMs,
  )
  server.close()
  return code
}

describe('a supervised command', () => {
  it('passes on the exit code of the command', async () => {
    expect(await supervise(run('process.exit(7)'), new AbortController().signal)).toBe(7)
  })

  it('reports a signal that ended it as a shell does', async () => {
    expect(await supervise(run('process.kill(process.pid, "SIGKILL")'), new AbortController().signal)).toBe(
      137,
    )
    expect(signalExitCode('SIGINT')).toBe(130)
  })

  it('the command sees only the given environment', async () => {
    const script = 'process.exit(process.env.TOKEN === "a" && process.env.HOME === undefined ? 0 : 1)'
    expect(await supervise(run(script, { NODE_ENV: 'test', TOKEN: 'a' }), new AbortController().signal)).toBe(
      0,
    )
  })

  it('sends the stop signal to the command, which may end in its own way', async () => {
    expect(await stopOnceReady('process.on("SIGTERM", () => process.exit(3))')).toBe(3)
  })

  it('kills the command when it does not end in time', async () => {
    expect(await stopOnceReady('process.on("SIGTERM", () => {})', 20)).toBe(137)
  })

  it('ends the command at once when the stop came before it', async () => {
    expect(await supervise(run('setInterval(() => {}, 1000)'), AbortSignal.abort('SIGTERM'))).toBe(143)
  })

  it('rejects when there is no such program', async () => {
    const missing = { file: '/nowhere/at/all', args: [], env: process.env }
    await expect(supervise(missing, new AbortController().signal)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
