/**
 * The commands in the documents, run as they stand but for ports: against the local stack and the shipped routes, without
 * Next before them. What it takes with Next is tested by tests/e2e/dev.test.ts.
 */
import { execFile } from 'node:child_process'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { POST as refreshAgents } from '@/app/api/airtable/agents/refresh/route'
import { GET as readAgents } from '@/app/api/airtable/agents/route'
import { POST as takePing } from '@/app/api/webhooks/airtable/route'
import type { FieldCacheEvent } from '@/lib/shared/events'
import { processPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { closeServer, listenOnLoopback } from '@/local/loopback'
import { type LocalStack, startLocalStack } from '@/local/stack'
import { readPage } from './pages'

const handlers: Record<string, (request: Request) => Promise<Response>> = {
  'GET /api/airtable/agents': readAgents,
  'POST /api/airtable/agents/refresh': refreshAgents,
  'POST /api/webhooks/airtable': takePing,
}

async function answer(incoming: IncomingMessage): Promise<Response> {
  const { url = '/', method = 'GET', headers } = incoming
  const body: Buffer[] = []
  for await (const chunk of incoming) body.push(chunk)
  const address = new URL(url, `http://${headers.host}`)
  const handler = handlers[`${method} ${address.pathname}`]
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)])
  const request = new Request(address, {
    method,
    headers: given,
    ...(body.length > 0 && { body: Buffer.concat(body) }),
  })
  return handler ? handler(request) : new Response(null, { status: 404 })
}

describe('the commands in the documents', () => {
  let server: Server
  let stack: LocalStack
  let ports: Record<string, string>

  beforeAll(async () => {
    server = createServer(async (incoming, outgoing) => {
      const response = await answer(incoming)
      outgoing.writeHead(response.status, Object.fromEntries(response.headers))
      outgoing.end(Buffer.from(await response.arrayBuffer()))
    })
    const appUrl = `http://127.0.0.1:${await listenOnLoopback(server, 0)}`
    stack = await startLocalStack(
      { engine: { kind: 'embedded' }, appUrl },
      { LOCAL_UPSTASH_PORT: '0', LOCAL_AIRTABLE_PORT: '0' },
    )
    // Generous, because test machines are slow at times.
    Object.assign(process.env, stack.env, { CACHE_COMMAND_TIMEOUT_MS: '5000' })
    await new Promise<void>((settled) => {
      const emit = ({ type }: FieldCacheEvent) => type === 'webhook.processed' && settled()
      setProcessState('ports', { ...processPorts(), emit })
      // A new webhook is pinged once, and what is fetched meanwhile counts as outdated.
      stack.appStarted()
    })
    ports = {
      'localhost:3000': appUrl.replace('http://', ''),
      '127.0.0.1:8079': new URL(stack.env.UPSTASH_REDIS_REST_URL ?? '').host,
      '127.0.0.1:8078': new URL(stack.env.AIRTABLE_ENDPOINT_URL ?? '').host,
    }
  }, 60_000)
  afterAll(async () => {
    await stack?.stop()
    await closeServer(server)
  })

  async function run(commands: string): Promise<string> {
    const script = Object.entries(ports)
      .reduce((text, [port, actual]) => text.replaceAll(port, actual), commands)
      // A machine that is busy takes longer than the reader's.
      .replace(/sleep 3; (curl [^|\n]+\| grep .*)/, 'for i in {1..200}; do $1 && break; sleep 0.1; done')
    const { stdout } = await promisify(execFile)('bash', ['-c', script])
    return stdout
  }
  const blocksOf = (path: string, info: string) =>
    readPage(path).blocks.filter((block) => block.info === info && block.code.includes('curl '))

  it('of the README show what it says: a miss, then a hit', async () => {
    const [block] = blocksOf('README.md', 'console')
    for (const part of (block?.code ?? '').split(/^\$ /m).filter(Boolean)) {
      const [command = '', ...shown] = part.split('\n')
      const printed = withoutNumbers(await run(command))
      for (const line of shown.filter((text) => text !== '' && !text.endsWith('…')))
        expect(printed.slice(0, 500)).toContain(withoutNumbers(line))
    }
  })

  it('of the README change a name, see it in the answer, and get an answer while Redis hangs', async () => {
    const [block, ...others] = blocksOf('README.md', 'bash')
    expect(others).toEqual([])
    const printed = await run(block?.code ?? '')
    expect(printed).toMatch(/^Ada Lovelace$/m)
    expect(printed).toMatch(/HTTP\/1\.1 200 OK[\s\S]+x-field-cache: (hit|degraded)[\s\S]+Ada Lovelace/)
  }, 60_000)

  it('of the guide are answered with 200', async () => {
    await run('curl -s -X DELETE http://127.0.0.1:8079/__local/faults')
    const blocks = blocksOf('docs/guide.md', 'bash')
    expect(blocks.length).toBeGreaterThan(0)
    for (const { code } of blocks) {
      const printed = await run(code)
      expect(printed.match(/HTTP\/1\.1 \d+/g)).toEqual(code.split('\n').map(() => 'HTTP/1.1 200'))
    }
  })
})

const withoutNumbers = (text: string) => text.replace(/\d+(\.\d+)?/g, '#')
