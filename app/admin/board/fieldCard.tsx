import type { FieldRow } from '@/lib/admin/fieldRow'
import {
  ago,
  bytes,
  describeFailure,
  describeFlaws,
  describeReaders,
  dollars,
  milliseconds,
  percent,
  whole,
} from '@/lib/admin/format'
import { AgeBar } from './ageBar'
import { RefreshField } from './refreshField'
import { RunLine } from './runLine'
import { StatusPill } from './statusMark'

interface Props {
  field: FieldRow
  /** When the data was read, ms since 1970. */
  at: number
  /** Called after the server has answered a click on the button. */
  onAnswer(): void
}

export function FieldCard({ field, at, onAnswer }: Props) {
  const { name, status, lastSuccess, traffic, storedBytes } = field
  const title = `field-${name}`
  return (
    <li>
      <article className="card" data-status={status} aria-labelledby={title}>
        <div className="card-top">
          <h3 id={title}>{name}</h3>
          <StatusPill status={status} />
          <RefreshField field={field} onAnswer={onAnswer} />
        </div>
        <AgeBar field={field} />
        <p className="quiet">{describeReaders(field)}</p>
        <Trouble field={field} at={at} />
        {field.flaws ? (
          <p className="quiet">
            {ago(field.flaws.at, at)}: {describeFlaws(field.flaws)}
          </p>
        ) : null}
        <RunLine field={field} at={at} />
        <dl className="numbers">
          <Fact name="Last success">{lastSuccess ? ago(lastSuccess.at, at) : 'none known'}</Fact>
          <Fact name="Last error" wide>
            {describeError(field, at)}
          </Fact>
          <Fact name="Source took">{orDash(lastSuccess?.durationMs, milliseconds)}</Fact>
          <Fact name="Records">{describeRecords(lastSuccess)}</Fact>
          <Fact name="Size">{orDash(lastSuccess?.bytes, bytes)}</Fact>
          <Fact name="Size in Redis">{storedBytes > 0 ? bytes(storedBytes) : '–'}</Fact>
        </dl>
        <dl className="numbers" aria-label={`${name} in the last 24 hours`}>
          <Fact name="Reads in 24 h">{orDash(traffic?.reads, whole)}</Fact>
          <Fact name="Served at once">{orDash(traffic?.hitRate, percent)}</Fact>
          <Fact name="95 % within">{orDash(traffic?.p95Ms, milliseconds)}</Fact>
          <Fact name="Source calls">{orDash(traffic?.sourceCalls, whole)}</Fact>
          <Fact name="Redis commands">{orDash(traffic?.redisCommands, whole)}</Fact>
          <Fact name="Redis bill">{describeBill(traffic)}</Fact>
        </dl>
      </article>
    </li>
  )
}

function Trouble({ field: { status, lastFailure, cooling }, at }: Pick<Props, 'field' | 'at'>) {
  if (status !== 'failing') return null
  const code = lastFailure?.code ?? cooling ?? ''
  return (
    <div className="trouble">
      <p>
        <b>The last refresh failed{lastFailure ? ` ${ago(lastFailure.at, at)}` : ''}.</b>{' '}
        {describeFailure(code)}
        {cooling === null ? '' : ' The source gets no requests for a moment, then the next read tries again.'}
      </p>
      <details>
        <summary>Technical details</summary>
        <p className="explanation">
          <code>{code}</code> {lastFailure?.message}
        </p>
        {lastFailure?.hint ? <p className="explanation">{lastFailure.hint}</p> : null}
      </details>
    </div>
  )
}

/** While the field fails, the reason is shown above. */
function describeError({ status, lastFailure }: FieldRow, at: number): string {
  if (!lastFailure) return 'none known'
  const when = ago(lastFailure.at, at)
  return status === 'failing' ? when : `${when}: ${describeFailure(lastFailure.code)}`
}

function describeRecords(success: FieldRow['lastSuccess']): string {
  if (!success || success.durationMs === null) return '–'
  return success.items === null ? 'not a list' : whole(success.items)
}

function describeBill(traffic: FieldRow['traffic']): string {
  if (!traffic) return '–'
  return traffic.monthlyUsd === null ? 'not known yet' : `${dollars(traffic.monthlyUsd)} a month`
}

function Fact({ name, wide = false, children }: { name: string; wide?: boolean; children: string }) {
  return (
    <div className={wide ? 'wide' : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function orDash<T>(value: T | null | undefined, words: (value: T) => string): string {
  return value === null || value === undefined ? '–' : words(value)
}
