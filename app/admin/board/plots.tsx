'use client'

import { useState } from 'react'
import { milliseconds, percent, whole } from '@/lib/admin/format'
import type { PlotPeriod, Plots as PlotsData } from '@/lib/admin/plots'
import { Bars, Curve } from './plot'

const PERIODS = [
  { key: 'hour', name: '60 minutes', unit: 'min', unitMs: 60_000 },
  { key: 'day', name: '24 hours', unit: 'h', unitMs: 3_600_000 },
] as const

interface Props {
  plots: PlotsData
  counts: { whole: boolean; instances: number }
}

export function Plots({ plots, counts }: Props) {
  const [chosen, choose] = useState<(typeof PERIODS)[number]>(PERIODS[0])
  const period: PlotPeriod = plots[chosen.key]
  const axis = { unit: chosen.unit, unitMs: chosen.unitMs }
  return (
    <section aria-labelledby="plots-title">
      <div className="plots-top">
        <h2 id="plots-title">Over time</h2>
        <fieldset className="choice">
          <legend className="heard">How far back</legend>
          {PERIODS.map((one) => (
            <label key={one.key}>
              <input
                type="radio"
                name="period"
                checked={one.key === chosen.key}
                onChange={() => choose(one)}
              />
              <span>{one.name}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <div className="plots">
        <Curve
          title="Reads served at once"
          now={period.hitRate === null ? 'no reads' : percent(period.hitRate)}
          points={period.points.map(({ at, hitRate }) => ({ at, value: hitRate }))}
          top={1}
          words={percent}
          {...axis}
        />
        <Curve
          title="95 % of reads take less than"
          now={period.p95Ms === null ? 'no reads' : milliseconds(period.p95Ms)}
          points={period.points.map(({ at, p95Ms }) => ({ at, value: p95Ms }))}
          words={milliseconds}
          {...axis}
        />
        <Bars
          title="Calls of the source"
          now={describeCalls(period)}
          points={period.points.map(({ at, sourceCalls, sourceFailures }) => ({
            at,
            value: sourceCalls,
            bad: sourceFailures,
          }))}
          words={whole}
          badName="failed"
          {...axis}
        />
        <Bars
          title="Redis commands, as billed"
          now={whole(period.redisCommands)}
          points={period.points.map(({ at, redisCommands }) => ({ at, value: redisCommands, bad: 0 }))}
          words={whole}
          {...axis}
        />
      </div>
      <p className="quiet">{describeScope(counts)}</p>
    </section>
  )
}

function describeCalls({ sourceCalls, sourceFailures }: PlotPeriod): string {
  return sourceFailures === 0 ? whole(sourceCalls) : `${whole(sourceCalls)}, ${whole(sourceFailures)} failed`
}

function describeScope({ whole: all, instances }: Props['counts']): string {
  if (!all) return 'Redis does not answer, so these are the numbers of one server only.'
  const servers = instances === 1 ? 'one server' : `${instances} servers`
  return `Added up over all servers (${servers} in the last 5 minutes). Each reports every 15 seconds, or every minute while it has little to do.`
}
