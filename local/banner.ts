import type { LocalStack } from './stack'

function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  return rows
    .map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
}

/** Hides secrets that the developer has set. */
export function banner(
  appUrl: string,
  appNote: string,
  { env, parts }: Pick<LocalStack, 'env' | 'parts'>,
  ownSecrets: readonly string[] = [],
): string {
  const shown = (name: string) => (ownSecrets.includes(name) ? 'set by you' : (env[name] ?? ''))
  const sent = (name: string) => (ownSecrets.includes(name) ? `$${name}` : env[name])
  const running = columns([
    ['App', appUrl, appNote],
    ...parts.map(({ name, where, why }) => [name, where, why]),
  ])
  const details = columns([
    ...parts.flatMap(({ name, statsUrl, faultsUrl }) => [
      ...(statsUrl === undefined ? [] : [[`${name} counters`, statsUrl]]),
      ...(faultsUrl === undefined ? [] : [[`${name} faults`, faultsUrl]]),
    ]),
    ['ADMIN_TOKEN', shown('ADMIN_TOKEN')],
    ['CRON_SECRET', shown('CRON_SECRET')],
  ])
  const requests = [
    `curl -i ${appUrl}/api/airtable/agents`,
    `curl -i -X POST -H "Authorization: Bearer ${sent('ADMIN_TOKEN')}" ${appUrl}/api/airtable/agents/refresh`,
    `curl -i -H "Authorization: Bearer ${sent('CRON_SECRET')}" ${appUrl}/api/cron/refresh`,
  ]
  return `\n${running}\n\n${details}\n\n${requests.map((line) => `  ${line}`).join('\n')}\n`
}
