import { defineConfig } from 'vitest/config'

/** Minutes of load, and a build of its own, that say nothing about how pages are rendered: once is enough. */
const ONCE = ['tests/e2e/chaos.test.ts', 'tests/e2e/hosted.test.ts']

/** The app as people run it: a production build, real processes, a real browser. */
export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    include: ['tests/e2e/**/*.test.ts'],
    exclude: process.env.CACHE_COMPONENTS === 'true' ? ONCE : [],
    globalSetup: ['tests/e2e/support/productionBuild.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
