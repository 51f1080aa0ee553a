import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'

const SCRIPT = `
import { connect } from 'node:net'
import { catchStopSignals } from './local/supervise'
const socket = connect(Number(process.env.REPORT_PORT), '127.0.0.1')
catchStopSignals((signal) => socket.write(signal + ' '))
process.once('SIGUSR2', () => socket.end())
socket.write(process.pid + ' ')
`

interface Running {
  readonly child: ChildProcess
  /** Resolves with everything the program says once it has said `text`. */
  hears(text: RegExp): Promise<string>
}

/** Starts a program that reports its process id and the stop signals that it received. */
async function start(file: string, args: readonly string[]): Promise<Running> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const child = spawn(file, args, { env: { ...process.env, SCRIPT, REPORT_PORT: String(port) } })
  const [socket]: Socket[] = await once(server, 'connection')
  server.close()
  let said = ''
  socket?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const hears = (text: RegExp): Promise<string> =>
    expect
      .poll(() => said)
      .toMatch(text)
      .then(() => said)
  return { child, hears }
}

const program = ['--import', 'tsx', '--input-type=module', '--eval', SCRIPT]

it('reports only the first stop signal, since one Ctrl-C may arrive twice', async () => {
  const { child, hears } = await start(process.execPath, program)
  await hears(/\d+ /)
  child.kill('SIGINT')
  await hears(/SIGINT /)
  child.kill('SIGTERM')
  child.kill('SIGINT')
  child.kill('SIGUSR2')
  await once(child, 'exit')
  expect(await hears(/SIGINT/)).toMatch(/^\d+ SIGINT $/)
})

it('takes the end of its parent for SIGTERM, as npm ends only the shell it runs scripts in', async () => {
  const shell = `"${process.execPath}" --import tsx --input-type=module --eval "$SCRIPT"; true`
  const { child, hears } = await start('/bin/sh', ['-c', shell])
  const pid = Number.parseInt(await hears(/\d+ /), 10)
  child.kill('SIGTERM')
  expect(await hears(/SIGTERM /)).toBe(`${pid} SIGTERM `)
  process.kill(pid, 'SIGUSR2')
})
