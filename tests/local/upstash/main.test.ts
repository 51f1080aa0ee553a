import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { sendOnce } from '@/local/engine/sendOnce'
import { listenOnLoopback } from '@/local/loopback'
import { rest } from '../../kit/redis/testRedis'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** Runs the program with a clean set of the variables it reads. */
function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/upstash/main.ts', ...args], {
    env: { ...process.env, LOCAL_UPSTASH_PORT: '', REDIS_URL: '', ...env },
  })
  children.push(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  return { child, output, closed: once(child, 'close') }
}

describe('npm run local:upstash', () => {
  it('explains itself', async () => {
    const { output, closed } = run(['--help'])
    await expect(closed).resolves.toEqual([0, null])
    expect(output.stdout).toMatch(/--port.*LOCAL_UPSTASH_PORT.*8079.*--token.*REDIS_URL/s)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('prints what works, and ends everything on %s', async (signal) => {
    const { child, output, closed } = run(['--port', '0', '--token', 'my-token'])
    await once(child.stdout, 'data')
    const url = /UPSTASH_REDIS_REST_URL=(\S+)/.exec(output.stdout)?.[1] ?? ''
    const redisUrl = /redis:\/\/\S+/.exec(output.stdout)?.[0] ?? ''
    expect(output.stdout).toContain('UPSTASH_REDIS_REST_TOKEN=my-token')
    expect(output.stdout).toContain(`curl -H 'Authorization: Bearer my-token' ${url}/set/hello/world`)
    await expect(rest({ url, token: 'my-token' }, '/set/hello/world')).resolves.toMatchObject({ status: 200 })
    await expect(sendOnce(redisUrl, ['GET', 'hello'])).resolves.toBe('world')

    child.kill(signal)
    await expect(closed).resolves.toEqual([0, null])
    expect(output.stderr).toBe('')
    await expect(rest({ url, token: 'my-token' }, '/ping')).rejects.toThrow()
    await expect(sendOnce(redisUrl, ['PING'])).rejects.toThrow(/ECONNREFUSED/)
  })

  it('says in one line that its port is taken', async () => {
    const blocker = createServer()
    const port = String(await listenOnLoopback(blocker, 0))
    try {
      for (const [args, env, name] of [
        [['--port', port], {}, '--port'],
        [[], { LOCAL_UPSTASH_PORT: port }, 'LOCAL_UPSTASH_PORT'],
      ] as const) {
        const { output, closed } = run(args, env)
        await expect(closed).resolves.toEqual([1, null])
        expect(output.stderr).toBe(`port ${port} (${name}) is already in use\n`)
      }
    } finally {
      blocker.close()
    }
  })

  it('says in one line that REDIS_URL leads nowhere', async () => {
    const { output, closed } = run(['--port', '0'], { REDIS_URL: 'redis://:hunter2@127.0.0.1:1' })
    await expect(closed).resolves.toEqual([1, null])
    expect(output.stderr).toMatch(/^no Redis answers at redis:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*\n$/)
  })
})
