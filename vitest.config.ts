import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path/posix'
import { defineConfig } from 'vitest/config'

/** Clusters of processes, storms and whatever else takes many seconds: not in `npm test`, which is `--mode quick`. */
const SLOW = /^tests\/(cluster|probes)\/|\.slow\.test\.ts$/
/** Compares both engines, so it needs a redis-server. */
const OF_BOTH_ENGINES = /^tests\/local\/redis-server\//

const TEST_FILES = readdirSync('tests', { recursive: true, encoding: 'utf8' })
  .map((name) => `tests/${name.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.test.ts') && !file.startsWith('tests/e2e/'))

/** Whether a file under `tests`, or one of those that it imports from there, is or has what is looked for. */
function leadsTo(isLookedFor: (file: string, text: string) => boolean): (file: string) => boolean {
  const known = new Map<string, boolean>()
  const search = (file: string): boolean => {
    const found = known.get(file)
    if (found !== undefined) return found
    known.set(file, false)
    const text = readFileSync(file, 'utf8')
    const imported = [...text.matchAll(/ from '(@\/tests\/|(?=\.\.?\/))([^']+)'/g)]
      .map(([, root, path]) => `${join(root ? 'tests' : dirname(file), path ?? '')}.ts`)
      .filter((path) => existsSync(path))
    const leads = isLookedFor(file, text) || imported.some(search)
    known.set(file, leads)
    return leads
  }
  return search
}

/** Starts the Redis that TEST_REDIS names. A test without one is the same on every engine. */
const startsRedis = leadsTo((file) => file === 'tests/kit/redis/testRedis.ts')
/** Changes what its process has one of. */
const changesProcess = leadsTo((_, text) =>
  /process\.env\.|stubEnv|setEnvironment|setProcessState|vi\.mock|'@\/app\//.test(text),
)
/** Gets a process of its own. Other tests share one, which loads what they import once. */
const isAlone = (file: string) => dirname(file) === 'tests' || startsRedis(file) || changesProcess(file)

export default defineConfig(({ mode }) => {
  const quick = mode === 'quick'
  const onRedisServer = process.env.TEST_REDIS === 'redis-server'
  const files = TEST_FILES.filter((file) => {
    if (quick && SLOW.test(file)) return false
    if (OF_BOTH_ENGINES.test(file)) return onRedisServer
    return !onRedisServer || startsRedis(file)
  })
  const project = (name: string, include: string[], isolate: boolean) => ({
    extends: true as const,
    // Not beside `projects`, where it would be evaluated without the mode.
    test: { name, include, isolate, provide: { quick } },
  })
  return {
    resolve: {
      tsconfigPaths: true,
      // What Next's own bundler makes of it on the server, where React has no contexts.
      alias: { 'next/navigation': 'next/dist/client/components/navigation.react-server' },
    },
    ssr: { resolve: { conditions: ['react-server', 'node', 'import', 'module', 'default'] } },
    test: {
      projects: [
        project('alone', files.filter(isAlone), true),
        project(
          'together',
          files.filter((file) => !isAlone(file)),
          false,
        ),
      ],
      maxWorkers: Math.max(2, availableParallelism() - 1),
      // Deadlines, not durations: a busy machine makes a test late, not wrong.
      testTimeout: 60_000,
      hookTimeout: 60_000,
      expect: { poll: { timeout: 30_000 } },
      unstubEnvs: true,
      restoreMocks: true,
    },
  }
})
