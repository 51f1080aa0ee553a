/** Formats events as log lines: JSON for machines, short text for people. */
import type { LogLevel } from '../config/appConfig'
import type { Env } from '../shared/env'
import type { AnnotatedEvent } from './annotateEvent'
import { oneLine } from './redact'

export type LogFormat = (event: AnnotatedEvent, level: LogLevel, at: Date) => string

const MAX_ITEMS = 10

export const asJson: LogFormat = ({ type, ...details }, level, at) =>
  JSON.stringify({ time: at.toISOString(), level, event: type, ...shortenDetails(details) })

/** Text for people in development and on a terminal; JSON in production. */
export function chooseFormat({ NODE_ENV, NO_COLOR, FORCE_COLOR }: Env, isTerminal: boolean): LogFormat {
  const forPeople = NODE_ENV === 'development' || (isTerminal && NODE_ENV !== 'production')
  return forPeople ? asText(!NO_COLOR && (isTerminal || Number(FORCE_COLOR) > 0)) : asJson
}

const COLOURS: Record<LogLevel, number> = { debug: 90, info: 32, warn: 33, error: 31 }
const GREY = 90

/** `08:51:31 info  refresh.finished agents reason=cron duration=231ms items=200 stored=true` */
export function asText(colours: boolean): LogFormat {
  const paint = (text: string, colour: number) => (colours ? `\u001b[${colour}m${text}\u001b[0m` : text)
  return ({ type, requestId, ...details }, level, at) => {
    const { field, ...rest } = shortenDetails(details)
    const shown = Object.entries(rest).map(([name, value]) => describe(name, value))
    return [
      paint(at.toTimeString().slice(0, 8), GREY),
      paint(level.padEnd(5), COLOURS[level]),
      type,
      ...(field === undefined ? [] : [String(field)]),
      ...shown,
      ...(requestId === undefined ? [] : [paint(requestId.slice(-8), GREY)]),
    ].join(' ')
  }
}

function describe(name: string, value: unknown): string {
  if (name.endsWith('Ms')) return `${name.slice(0, -2)}=${value}ms`
  if (name === 'message') return `– ${value}`
  return `${name}=${Array.isArray(value) ? value.map(itemText).join(',') : value}`
}

/** Objects, such as the webhooks of a run, are shown by their values. */
const itemText = (item: unknown): string =>
  typeof item === 'object' && item !== null ? oneLine(Object.values(item).join(' ')) : String(item)

function shortenDetails(details: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, shorten(value)]))
}

function shorten(value: unknown): unknown {
  if (typeof value === 'number') return Math.round(value * 10) / 10
  if (typeof value === 'string') return oneLine(value)
  if (!Array.isArray(value) || value.length <= MAX_ITEMS) return value
  return [...value.slice(0, MAX_ITEMS), `and ${value.length - MAX_ITEMS} more`]
}
