import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runNext } from './nextProcess'

/** A copy of the app inside of the project, where its packages are found, so that both builds stand beside each other. */
const COPY = '.hosted'
const SOURCES = [
  'app',
  'lib',
  'instrumentation.ts',
  'next.config.mjs',
  'package.json',
  'proxy.ts',
  'tsconfig.json',
]

/** Builds the app for other hosts than a `next start` at a root, as docs/operations.md says; the file of its server. */
export async function buildStandalone(basePath: string): Promise<string> {
  rmSync(COPY, { recursive: true, force: true })
  mkdirSync(COPY)
  for (const source of SOURCES) cpSync(source, join(COPY, source), { recursive: true })
  const { code, output } = await runNext(['build', COPY], { APP_BASE_PATH: basePath, STANDALONE: 'true' })
  if (code !== 0) throw new Error(`next build failed:\n${output}`)
  const server = join(COPY, '.next/standalone', COPY)
  cpSync(join(COPY, '.next/static'), join(server, '.next/static'), { recursive: true })
  return join(server, 'server.js')
}
