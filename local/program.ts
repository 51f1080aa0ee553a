import { parseArgs } from 'node:util'
import { read } from './env'
import { choosePort } from './ports'
import { catchStopSignals } from './supervise'

/** A local server that can be started alone. */
export interface Program<Option extends string> {
  readonly help: string
  /** The variable that sets the port without `--port`, and the port when neither is set. */
  readonly port: { readonly variable: string; readonly fallback: number }
  /**
   * Further options with a value.
   * @default []
   */
  readonly options?: readonly Option[]
  readonly start: (
    port: number,
    options: Readonly<Partial<Record<Option, string>>>,
  ) => Promise<{
    readonly banner: string
    stop(): Promise<void>
  }>
}

async function run<Option extends string>({
  help,
  port,
  options = [],
  start,
}: Program<Option>): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      port: text,
      ...Object.fromEntries(options.map((name) => [name, text])),
    },
  })
  if (values.help) return console.log(help)
  const variable = values.port === undefined ? port.variable : '--port'
  const given = values.port ?? read(process.env, port.variable) ?? String(port.fallback)
  const chosen = await choosePort({ variable, given, fallback: port.fallback })
  const { banner, stop } = await start(chosen.port, values as Partial<Record<Option, string>>)
  console.log(banner)
  catchStopSignals(() => void stop().catch(fail))
}

function fail(error: unknown): void {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/** Runs until a stop signal. An error at start is one line on stderr and exit code 1. */
export function runProgram<Option extends string = never>(program: Program<Option>): void {
  run(program).catch(fail)
}
