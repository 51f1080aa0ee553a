import { type ReactNode, useId } from 'react'

/** One number over time: shapes in SVG, texts in HTML, and all values in a table for screen readers. */
interface PlotProps<Point> {
  title: string
  /** The total of the period. */
  now: string
  /** Oldest first. */
  points: readonly Point[]
  words(value: number): string
  /** The unit of the time axis, and its length in ms. */
  unit: string
  unitMs: number
}

interface CurvePoint {
  at: number
  value: number | null
}

interface BarPoint {
  at: number
  value: number
  /** The part that is highlighted. */
  bad: number
}

const HEIGHT = 100
/** The share of its step that a bar fills. */
const BAR = 0.72

/** `top`: the value at the upper edge. @default the highest value */
export function Curve({ top, ...plot }: PlotProps<CurvePoint> & { top?: number }) {
  const { points } = plot
  const highest = top ?? Math.max(0, ...points.map(({ value }) => value ?? 0))
  return (
    <Plot {...plot} highest={highest} cells={({ value }) => (value === null ? '–' : plot.words(value))}>
      <path className="curve" d={curvePath(points, highest)} />
      <path className="curve dots" d={dotsPath(points, highest)} />
    </Plot>
  )
}

export function Bars({ badName, ...plot }: PlotProps<BarPoint> & { badName?: string }) {
  const highest = Math.max(0, ...plot.points.map(({ value }) => value))
  const height = (value: number) => (highest === 0 ? 0 : (HEIGHT * value) / highest)
  const cells = ({ value, bad }: BarPoint) =>
    bad > 0 && badName ? `${plot.words(value)}, ${plot.words(bad)} ${badName}` : plot.words(value)
  return (
    <Plot {...plot} highest={highest} cells={cells}>
      {plot.points.map(({ at, value, bad }, index) => (
        <g key={at}>
          <rect x={index + (1 - BAR) / 2} y={HEIGHT - height(value)} width={BAR} height={height(value)} />
          <rect
            className="bad"
            x={index + (1 - BAR) / 2}
            y={HEIGHT - height(bad)}
            width={BAR}
            height={height(bad)}
          />
        </g>
      ))}
    </Plot>
  )
}

interface FrameProps<Point> extends PlotProps<Point> {
  highest: number
  cells(point: Point): string
  children: ReactNode
}

function Plot<Point extends { at: number }>(props: FrameProps<Point>) {
  const { title, now, points, highest, words, unit, unitMs, cells, children } = props
  const id = useId()
  const last = points.at(-1)?.at ?? 0
  const back = (at: number) => Math.round((last - at) / unitMs)
  const start = `${back(points[0]?.at ?? last)} ${unit} ago`
  return (
    <figure className="plot">
      <figcaption>
        {title} <strong>{now}</strong>
      </figcaption>
      <div className="frame">
        <span className="edge">{highest > 0 ? words(highest) : ''}</span>
        <svg
          role="img"
          aria-labelledby={`${id}-title ${id}-text`}
          viewBox={`0 0 ${Math.max(1, points.length)} ${HEIGHT}`}
          preserveAspectRatio="none"
        >
          <title id={`${id}-title`}>{title}</title>
          <desc id={`${id}-text`}>
            {`From ${start} until now, in all ${now}. The table below has the numbers.`}
          </desc>
          {children}
        </svg>
      </div>
      <p className="times" aria-hidden="true">
        <span>{start}</span>
        <span>now</span>
      </p>
      <details>
        <summary>
          As a table<span className="heard">: {title}</span>
        </summary>
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">{title}</th>
            </tr>
          </thead>
          <tbody>
            {[...points].reverse().map((point) => (
              <tr key={point.at}>
                <th scope="row">{back(point.at) === 0 ? 'now' : `${back(point.at)} ${unit} ago`}</th>
                <td>{cells(point)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}

/** A line through the middle of each step with a value; a step without one breaks it. */
function curvePath(points: readonly CurvePoint[], highest: number): string {
  let broken = true
  return points
    .flatMap(({ value }, index) => {
      if (value === null) {
        broken = true
        return []
      }
      const command = broken ? 'M' : 'L'
      broken = false
      return [`${command}${toPosition(index, value, highest)}`]
    })
    .join('')
}

/** Dots on single steps, which no line shows, and on the last one. A line of no length with round ends is a dot. */
function dotsPath(points: readonly CurvePoint[], highest: number): string {
  const isLast = (index: number) => points.slice(index + 1).every(({ value }) => value === null)
  const isAlone = (index: number) =>
    [points[index - 1], points[index + 1]].every((next) => !next || next.value === null)
  return points
    .flatMap(({ value }, index) =>
      value !== null && (isAlone(index) || isLast(index)) ? [`M${toPosition(index, value, highest)}h0`] : [],
    )
    .join('')
}

function toPosition(index: number, value: number, highest: number): string {
  const y = highest === 0 ? HEIGHT : HEIGHT - (HEIGHT * value) / highest
  return `${index + 0.5} ${y.toFixed(1)}`
}
