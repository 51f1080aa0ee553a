/**
 * Checks the properties of the freshness protocol over many schedules. Prints the seed and how often each situation came up.
 * `npm run simulate -- --runs 100000 --seed 42 --only "cold readers"`; all options may be left out. Exits with 1 when a
 * property fails, or when a situation that the runs must contain was rare.
 */
import { parseArgs } from 'node:util'
import { check, rareIn } from '../tests/simulation/check'
import { scenarios } from '../tests/simulation/scenarios'
import { mixes } from '../tests/simulation/scenarios/mixes'

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string', multiple: true } },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const chosen = scenarios.filter(({ name }) => values.only?.includes(name) ?? true)
const runs = Math.ceil(Number(values.runs ?? 100_000) / chosen.length)
if (chosen.length === 0 || !Number.isSafeInteger(runs) || !Number.isSafeInteger(seed)) {
  console.error(`Usage: npm run simulate -- [--runs n] [--seed n] [--only name], with one of these names:
${scenarios.map(({ name }) => `  ${name}`).join('\n')}`)
  process.exit(2)
}

console.log(`seed ${seed}, ${runs} schedules of each scenario`)
const rare: string[] = []
const mixed = { schedules: 0, seen: new Map<string, number>() }
for (const scenario of chosen) {
  const outcome = await check(scenario, { runs, seed })
  if (outcome.failure !== null) {
    console.error(outcome.failure)
    process.exit(1)
  }
  console.log(`${String(outcome.schedules).padStart(8)}  ${scenario.name}`)
  rare.push(...rareIn(scenario, outcome))
  if (!mixes.includes(scenario)) continue
  mixed.schedules += outcome.schedules
  for (const [what, count] of Object.entries(outcome.seen)) {
    mixed.seen.set(what, (mixed.seen.get(what) ?? 0) + count)
  }
}
if (mixed.schedules > 0) console.log(`Of ${mixed.schedules} mixed schedules had`)
for (const [what, count] of mixed.seen) {
  console.log(
    `${String(count).padStart(8)}  ${((100 * count) / mixed.schedules).toFixed(1).padStart(5)} %  ${what}`,
  )
}
for (const one of rare) console.error(one)
process.exitCode = rare.length === 0 ? 0 : 1
