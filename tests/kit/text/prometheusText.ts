/**
 * Parses the text format of Prometheus strictly (https://prometheus.io/docs/instrumenting/exposition_formats). Throws for
 * everything that the format does not allow; public parsers for Node accept some of it.
 */

export interface PrometheusSample {
  name: string
  labels: Record<string, string>
  value: number
}

export interface PrometheusFamily {
  type: string
  help: string
  samples: PrometheusSample[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = String.raw`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"`
const SAMPLE = new RegExp(
  `^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)?\\})? (NaN|[+-]Inf|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)$`,
)
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped'])

export function parsePrometheusText(text: string): Map<string, PrometheusFamily> {
  const families = new Map<string, PrometheusFamily>()
  let current: [name: string, family: PrometheusFamily] | undefined
  const refuse = (reason: string, line: string) => {
    throw new Error(`${reason}: ${line}`)
  }
  if (!text.endsWith('\n')) refuse('the last line has no end', text.slice(-80))
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line)
    if (comment) {
      const [, kind, name = '', rest = ''] = comment
      if (kind === 'HELP') {
        if (families.has(name)) refuse('a family occurs twice, or in pieces', line)
        current = [name, { type: '', help: rest, samples: [] }]
        families.set(...current)
      } else {
        if (!current || current[0] !== name || current[1].type !== '')
          refuse('a type without its help above', line)
        if (!TYPES.has(rest)) refuse('there is no such type', line)
        if (current) current[1].type = rest
      }
      continue
    }
    const sample = SAMPLE.exec(line)
    if (!sample || !current) return refuse('not a sample', line) as never
    const [family, { type, samples }] = current
    const [, name = '', labelText = ''] = sample
    const labels = Object.fromEntries(
      [...labelText.matchAll(new RegExp(LABEL, 'g'))].map(([, label, value = '']) => [
        label,
        unescaped(value),
      ]),
    )
    const suffix = name.startsWith(family) ? name.slice(family.length) : 'foreign'
    if (!listSuffixes(type).includes(suffix)) refuse(`not a sample of the ${type} ${family}`, line)
    if (suffix === '_bucket' && labels.le === undefined) refuse('a bucket has no bound', line)
    if (samples.some((other) => other.name === name && sameLabels(other.labels, labels)))
      refuse('a sample occurs twice', line)
    samples.push({ name, labels, value: Number(line.split(' ').at(-1)?.replace('Inf', 'Infinity')) })
  }
  for (const [name, { type, samples }] of families) {
    if (samples.length === 0) refuse('a family is empty', name)
    if (type === 'counter' && !name.endsWith('_total')) refuse('a counter is not called _total', name)
    if (type === 'histogram') checkHistogram(name, samples)
  }
  return families
}

function listSuffixes(type: string): string[] {
  if (type === 'histogram') return ['_bucket', '_sum', '_count']
  return type === 'summary' ? ['', '_sum', '_count'] : ['']
}

/** Buckets are cumulative, in order, and end with the count. */
function checkHistogram(name: string, samples: readonly PrometheusSample[]): void {
  const withoutBound = ({ le: _, ...labels }: Record<string, string>) => JSON.stringify(labels)
  for (const labels of new Set(samples.map((sample) => withoutBound(sample.labels)))) {
    const own = samples.filter((sample) => withoutBound(sample.labels) === labels)
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map((sample) => Number(sample.labels.le?.replace('+Inf', 'Infinity')))
    const count = own.find((sample) => sample.name === `${name}_count`)?.value
    const sound =
      bounds.at(-1) === Number.POSITIVE_INFINITY &&
      bounds.every((bound, index) => index === 0 || bound > (bounds[index - 1] ?? 0)) &&
      buckets.every(({ value }, index) => index === 0 || value >= (buckets[index - 1]?.value ?? 0)) &&
      buckets.at(-1)?.value === count &&
      own.some((sample) => sample.name === `${name}_sum`)
    if (!sound) throw new Error(`invalid buckets: ${name} ${labels}`)
  }
}

const unescaped = (text: string): string =>
  text.replace(/\\(["\\n])/g, (_, character: string) => (character === 'n' ? '\n' : character))

const sameLabels = (a: Record<string, string>, b: Record<string, string>): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort())
