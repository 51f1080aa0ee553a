/**
 * Removes the guards of the cache, one at a time, in a copy of this repository, and checks that the simulation (or the test
 * of the guard) fails. `npm run mutate -- --runs 20000 --seed 1 --only "part of a name"`; all options may be left out.
 * Exits with 1 when a mutation is not caught, or its source text is no longer found.
 */
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { applyEdit, type Mutation } from '../tests/simulation/mutation'
import { mutations } from '../tests/simulation/mutations'
import { scenarios } from '../tests/simulation/scenarios'

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const runs = Number(values.runs ?? 20_000)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const COPIED = ['lib', 'local', 'scripts', 'tests', 'package.json', 'tsconfig.json', 'vitest.config.ts']

async function copyRepository(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'field-cache-mutated-'))
  for (const name of COPIED) await cp(name, join(copy, name), { recursive: true })
  await symlink(resolve('node_modules'), join(copy, 'node_modules'))
  return copy
}

/** Resolves with the exit code and output. */
function run(folder: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
    child.on('error', failed)
    child.on('close', (code) => done({ code, output }))
  })
}

/** Throws when a mutation is no code, or uses a name that its file does not know: every test would catch the crash. */
async function assertRuns(folder: string): Promise<void> {
  const args = ['node_modules/typescript/bin/tsc', '--noEmit', '--incremental', 'false']
  const { output } = await run(folder, args)
  const crash = output.match(/^lib\/.*error TS(1\d{3}|2304|2448|2454|2552|18004): .*$/m)
  if (crash) throw new Error(crash[0])
}

/** Resolves with the test or schedule that caught the mutation; null when none did. */
async function findCatcher(folder: string, mutation: Mutation): Promise<string | null> {
  if (mutation.test !== undefined) {
    const { code } = await run(folder, ['node_modules/vitest/vitest.mjs', 'run', mutation.test])
    return code === 0 ? null : mutation.test
  }
  for (const name of mutation.scenarios ?? scenarios.map((scenario) => scenario.name)) {
    const args = ['--runs', String(runs), '--seed', String(seed), '--only', name]
    const { code, output } = await run(folder, ['--import', 'tsx', 'scripts/simulate.ts', ...args])
    if (code === 2) throw new Error(output)
    const [, schedule] = /schedule (\d+)/.exec(output) ?? []
    const [, invariant] = /^(I\d.*?): /m.exec(output) ?? []
    if (code !== 0) return `"${name}", schedule ${schedule}: ${invariant ?? output.split('\n')[2]}`
  }
  return null
}

async function testMutation(folder: string, mutation: Mutation): Promise<boolean> {
  const originals = new Map<string, string>()
  try {
    for (const edit of mutation.edits) {
      const path = join(folder, 'lib', edit.file)
      const text = await readFile(path, 'utf8')
      if (!originals.has(path)) originals.set(path, text)
      await writeFile(path, applyEdit(text, edit))
    }
    await assertRuns(folder)
    const catcher = await findCatcher(folder, mutation)
    console.log(
      `${catcher === null ? 'SURVIVED' : 'caught  '}  ${mutation.name}${catcher === null ? '' : `  [${catcher}]`}`,
    )
    return catcher !== null
  } catch (error) {
    console.error(`FAILED    ${mutation.name}: ${error instanceof Error ? error.message : error}`)
    return false
  } finally {
    for (const [path, text] of originals) await writeFile(path, text)
  }
}

/** A test that fails without a mutation would seem to catch every mutation. */
async function assertTestsPass(folder: string, tests: readonly string[]): Promise<void> {
  if (tests.length === 0) return
  const { code, output } = await run(folder, ['node_modules/vitest/vitest.mjs', 'run', ...tests])
  if (code !== 0) throw new Error(`These tests fail without any mutation:\n${output}`)
}

const chosen = mutations.filter(({ name }) => name.includes(values.only ?? ''))
const waiting = [...chosen]
let notCaught = 0
console.log(`${chosen.length} mutations, at most ${runs} schedules of each scenario, seed ${seed}`)
const folders = await Promise.all(Array.from({ length: availableParallelism() }, copyRepository))
try {
  await assertTestsPass(folders[0] ?? '.', [...new Set(chosen.flatMap(({ test }) => test ?? []))])
  await Promise.all(
    folders.map(async (folder) => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        if (!(await testMutation(folder, next))) notCaught += 1
    }),
  )
} finally {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))
}
console.log(notCaught === 0 ? 'All were caught.' : `${notCaught} of ${chosen.length} were not caught.`)
process.exitCode = notCaught === 0 && chosen.length > 0 ? 0 : 1
