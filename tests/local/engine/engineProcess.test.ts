import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { sendOnce } from '@/local/engine/sendOnce'
import { testEngineKind } from '../../kit/redis/testRedis'

const kind = testEngineKind()

const STARTER = `
  import { startEngine } from './local/engine/index.ts'
  const engine = await startEngine({ kind: '${kind}' })
  process.stdout.write(engine.url)
`

/** Starts an engine in a process of its own. */
async function startInChild() {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', STARTER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [url] = await once(child.stdout.setEncoding('utf8'), 'data')
  return { child, url: String(url) }
}

describe('an engine whose process', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'an engine ends when its process is ended by %s',
    async (signal) => {
      const { child, url } = await startInChild()
      await expect(sendOnce(url, ['PING'])).resolves.toBe('PONG')
      child.kill(signal)
      await once(child, 'exit')
      await expect.poll(() => sendOnce(url, ['PING']).catch(String)).toMatch(/ECONNREFUSED/)
    },
  )
})
