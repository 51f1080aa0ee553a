import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { snippetOf } from './kit/text/snippets'

const run = promisify(execFile)

/** What the snippet needs of the packages that an app installs for it, writing down what it is told. */
const OTEL_TYPES = `export declare const SpanStatusCode: { ERROR: 2 }
interface Span { setStatus(status: { code: number; message?: string }): unknown; end(): void; addEvent(name: string, attributes: Record<string, string>): unknown }
export declare const trace: {
  getActiveSpan(): Span | undefined
  getTracer(name: string): { startSpan(name: string, options: { startTime: number; attributes: Record<string, string> }): Span }
}`
const OTEL = `const told = (line) => console.log(JSON.stringify(line))
export const SpanStatusCode = { ERROR: 2 }
const span = (name) => ({
  setStatus: ({ message }) => told({ status: message, of: name }),
  addEvent: (event, attributes) => told({ event, attributes }),
  end: () => told({ ended: name }),
})
export const trace = {
  getActiveSpan: () => span('request'),
  getTracer: (by) => ({
    startSpan(name, { startTime, attributes }) {
      told({ span: name, by, attributes, tookMs: Math.round((Date.now() - startTime) / 100) * 100 })
      return span(name)
    },
  }),
}`

describe('the snippet for tracing in docs/operations.md', () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync('.readme-check-')
    const add = (path: string, text: string) => {
      mkdirSync(join(folder, path, '..'), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    for (const name of ['@opentelemetry/api', '@vercel/otel']) {
      const isApi = name.endsWith('api')
      const manifest = { name, type: 'module', main: 'index.js', types: 'index.d.ts' }
      add(`node_modules/${name}/package.json`, JSON.stringify(manifest))
      const registers = 'export declare function registerOTel(options: { serviceName: string }): void'
      add(`node_modules/${name}/index.d.ts`, isApi ? OTEL_TYPES : registers)
      const register = 'export const registerOTel = (options) => console.log(JSON.stringify(options))'
      add(`node_modules/${name}/index.js`, isApi ? OTEL : register)
    }
    add('instrumentation.ts', snippetOf('docs/operations.md', 'ts instrumentation'))
    add('lib/boot.ts', 'export async function bootServer(): Promise<void> {}')
    add(
      'lib/observability/annotateEvent.ts',
      "export type { AnnotatedEvent } from '../../../lib/observability/annotateEvent'",
    )
    add(
      'run.ts',
      `import { publishEvent } from '../lib/observability/diagnosticsChannel'
      import { register } from './instrumentation'
      process.env.NEXT_RUNTIME = 'nodejs'
      void register().then(() => {
        publishEvent({ type: 'lease.taken', field: 'agents' })
        publishEvent({ type: 'field.failed', field: 'agents', code: 'SOURCE_FAILED', durationMs: 2_000, requestId: 'r1' })
      })`,
    )
    add(
      'tsconfig.json',
      JSON.stringify({
        extends: '../tsconfig.json',
        compilerOptions: { incremental: false, types: ['node'], paths: { '@/*': ['../*'] } },
        include: ['*.ts'],
      }),
    )
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('passes the type check of the project', async () => {
    const tsc = ['node_modules/typescript/bin/tsc', '-p', join(folder, 'tsconfig.json')]
    expect(await run(process.execPath, tsc).catch((error: { stdout: string }) => error)).toMatchObject({
      stdout: '',
    })
  })

  it('makes spans of what took time, and events of the rest', async () => {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', join(folder, 'run.ts')])
    const lines = stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    expect(lines).toEqual([
      { serviceName: 'field-cache' },
      { event: 'lease.taken', attributes: { 'field_cache.field': 'agents' } },
      {
        span: 'field.failed',
        by: 'field-cache',
        tookMs: 2_000,
        attributes: {
          'field_cache.field': 'agents',
          'field_cache.code': 'SOURCE_FAILED',
          'field_cache.durationMs': '2000',
          'field_cache.requestId': 'r1',
        },
      },
      { status: 'SOURCE_FAILED', of: 'field.failed' },
      { ended: 'field.failed' },
    ])
  })
})
