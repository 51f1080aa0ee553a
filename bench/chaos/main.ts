import { parseArgs } from 'node:util'
import { catchStopSignals, signalExitCode } from '@/local/supervise'
import { runNext } from '@/tests/e2e/support/nextProcess'
import { SITE } from './cluster'
import { FAULTS } from './faults'
import { judge } from './judging/judge'
import { formatTable } from './report'
import { runChaos } from './run'

const HELP = `Breaks Redis, the source and a server under load, one after the other, and holds three production
servers against the freshness contract. Needs redis-server. Exit code 1 when something is wrong.

  npm run chaos -- [--seconds <n>] [--seed <n>] [--rate <n>] [--only <text>] [--json]

  --seconds  how long in all, without the build and the last recovery (default 180)
  --seed     of the load and the edits of the source (default: a new one, printed)
  --rate     requests a second, all servers together (default 90)
  --only     faults whose name holds this text
  --json     the report as JSON

Faults: ${FAULTS.map(({ name }) => name).join('; ')}.
`

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      seconds: { ...text, default: '180' },
      seed: { ...text, default: String(Math.floor(Math.random() * 2 ** 32)) },
      rate: { ...text, default: '90' },
      only: { ...text, default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  const seconds = positive('--seconds', values.seconds)
  const seed = positive('--seed', values.seed)
  const requestsPerSecond = positive('--rate', values.rate)
  const faults = FAULTS.filter(({ name }) => name.includes(values.only))
  if (faults.length === 0) throw new Error(`no fault has "${values.only}" in its name; see --help`)
  const { code, output } = await runNext(['build', SITE], {})
  if (code !== 0) throw new Error(`next build failed:\n${output}`)
  const progress = (line: string): void => console.error(line)
  progress(`seed ${seed}`)
  const verdict = judge(await runChaos({ seconds, seed, requestsPerSecond, faults, progress }))
  console.log(values.json ? JSON.stringify({ seed, ...verdict }, null, 2) : formatTable(verdict))
  process.exitCode = verdict.problems.length === 0 ? 0 : 1
}

function positive(option: string, given: string): number {
  const value = Number(given)
  if (!(value > 0)) throw new Error(`${option} is "${given}", not a number above 0`)
  return value
}

catchStopSignals((signal) => process.exit(signalExitCode(signal)))
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
