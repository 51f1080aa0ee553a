import { defineConfig } from 'vitest/config'

/** These bring a Redis of their own, so that they are the same on every engine: they run with the embedded one. */
const SIMULATED = 'tests/simulation/**/*.property.test.ts'
/** These compare engines, so they need both: `TEST_REDIS=redis-server npm test` runs them, and fails without one. */
const NEED_REDIS_SERVER = 'tests/local/redis-server/**'

export default defineConfig({
  resolve: {
    tsconfigPaths: true,
    // What Next's own bundler makes of it on the server, where React has no contexts.
    alias: { 'next/navigation': 'next/dist/client/components/navigation.react-server' },
  },
  ssr: { resolve: { conditions: ['react-server', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/e2e/**', process.env.TEST_REDIS === 'redis-server' ? SIMULATED : NEED_REDIS_SERVER],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    unstubEnvs: true,
    restoreMocks: true,
  },
})
