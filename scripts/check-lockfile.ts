/**
 * Fails when package-lock.json lacks an entry for an optional (platform) dependency: `npm ci` then fails, or installs an
 * unusable package on the missing platforms.
 */
import { readFileSync } from 'node:fs'

interface LockedPackage {
  optionalDependencies?: Record<string, string>
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, LockedPackage>
}
const locked = new Set(Object.keys(lock.packages).map((path) => path.split('node_modules/').at(-1)))
const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
  Object.keys(optionalDependencies)
    .filter((name) => !locked.has(name))
    .map((name) => `${name} (wanted by ${path || 'the project'})`),
)

if (missing.length > 0) {
  console.error(`package-lock.json is incomplete. No entry for:\n  ${missing.join('\n  ')}`)
  process.exit(1)
}
