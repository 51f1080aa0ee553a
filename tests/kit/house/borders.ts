/** The borders of the house: what the files of each part may import besides each other. */
import { listImports, listSources, resolveImport } from './sources'

interface Border {
  /** Other parts, by their names in this table. */
  imports: readonly string[]
  /** Packages and modules of Node; any when absent. */
  packages?: readonly string[]
}

const CACHE = 'lib/core-services/cache'
const AIRTABLE = 'lib/core-services/airtable'
const REGISTRY = 'lib/core-services/service-registry.ts'
const LOADER = 'lib/core-services/serviceLoader.ts'

const part = (name: string) => `${CACHE}/${name}`
const PATTERNS = part('redis/commands/patternCommands.ts')
/** A codec, a lock or a record needs Redis and the ground, and nothing above them. */
const GROUND = ['lib/shared', part('errors.ts')]
const REDIS = [...GROUND, part('redis')]
const FIELDS = [...REDIS, part('entry'), part('coordination')]
const ENGINE = [
  ...FIELDS,
  part('fields'),
  part('operations'),
  part('cache-aside'),
  part('settings'),
  CACHE,
  part('processContext.ts'),
  part('processParts.ts'),
]

/**
 * A file belongs to the part with the longest name that its path begins with. The core imports no source, no field of
 * the app (`fieldCacheConfigs.ts`) and no Next: none of its rows names them. Only `processContext.ts` starts services.
 */
const BORDERS: Record<string, Border> = {
  'lib/shared': { imports: [], packages: ['zod'] },
  'lib/config': { imports: GROUND, packages: ['zod'] },
  'lib/observability': {
    imports: ['lib/shared', 'lib/config'],
    packages: ['node:async_hooks', 'node:diagnostics_channel'],
  },
  'lib/next': { imports: [], packages: ['next/cache', 'next/navigation', 'next/server'] },

  [part('errors.ts')]: { imports: ['lib/shared'], packages: [] },
  [part('redis')]: { imports: GROUND, packages: ['@upstash/redis', 'lru-cache'] },
  // A pattern deletes entries by changing their tokens.
  [PATTERNS]: { imports: [...REDIS, part('entry')], packages: [] },
  [part('entry')]: { imports: [...REDIS, part('entry/compression.ts')], packages: [] },
  [part('entry/compression.ts')]: { imports: [], packages: ['node:util', 'node:zlib'] },
  [part('coordination')]: { imports: REDIS, packages: [] },
  [part('fields')]: { imports: [...FIELDS, CACHE], packages: ['lru-cache'] },
  [part('cache-aside')]: { imports: ENGINE, packages: [] },
  [part('operations')]: { imports: ENGINE, packages: [] },
  [part('settings')]: { imports: FIELDS, packages: ['zod'] },
  [CACHE]: { imports: [...ENGINE, PATTERNS, REGISTRY], packages: ['@upstash/redis'] },
  [part('processContext.ts')]: {
    imports: [...ENGINE, REGISTRY, LOADER],
    packages: [],
  },
  [part('processParts.ts')]: { imports: [...ENGINE, 'lib/config', 'lib/observability'], packages: [] },
  [part('fieldCacheConfigs.ts')]: { imports: [...ENGINE, AIRTABLE], packages: ['zod'] },

  [REGISTRY]: { imports: GROUND, packages: [] },
  [LOADER]: {
    imports: ['lib/shared', 'lib/next', REGISTRY, CACHE, part('settings'), AIRTABLE],
    packages: [],
  },
  [AIRTABLE]: {
    imports: [...ENGINE, 'lib/config', REGISTRY],
    packages: ['airtable', 'node:crypto', 'zod'],
  },
  'lib/core-services/metrics': {
    imports: [...ENGINE, 'lib/config', REGISTRY, LOADER],
    packages: [],
  },
  'lib/domains': {
    imports: [CACHE, part('processContext.ts'), part('cache-aside'), part('fields'), 'lib/shared'],
    packages: ['zod'],
  },

  'lib/admin': {
    imports: [...ENGINE, 'lib/config', REGISTRY, AIRTABLE, 'lib/core-services/metrics'],
    packages: [],
  },
  'lib/http': {
    imports: [
      ...ENGINE,
      'lib/config',
      'lib/observability',
      'lib/admin',
      REGISTRY,
      LOADER,
      AIRTABLE,
      'lib/core-services/metrics',
    ],
    packages: ['lru-cache', 'node:async_hooks', 'node:crypto', 'node:diagnostics_channel', 'node:http'],
  },
  'lib/pages': {
    imports: [...ENGINE, 'lib/config', 'lib/observability', 'lib/admin', 'lib/http'],
    packages: ['next/headers', 'next/server', 'server-only'],
  },
  'lib/testing': { imports: [...ENGINE, REGISTRY, LOADER], packages: [] },
  'lib/boot.ts': {
    imports: [
      ...ENGINE,
      'lib/config',
      'lib/observability',
      'lib/http',
      REGISTRY,
      LOADER,
      part('fieldCacheConfigs.ts'),
      AIRTABLE,
      'lib/core-services/metrics',
    ],
    packages: [],
  },

  app: {
    imports: [
      ...GROUND,
      CACHE,
      part('fieldCacheConfigs.ts'),
      'lib/config',
      'lib/admin',
      'lib/http',
      'lib/pages',
    ],
  },
  local: { imports: [] },
}

const byLength = Object.keys(BORDERS).sort((a, b) => b.length - a.length)
const findPart = (file: string) => byLength.find((name) => file === name || file.startsWith(`${name}/`))

/** Each import that crosses a border it may not, as "file → what it imports"; a file of no part is one as well. */
export function findCrossings(folder: string): string[] {
  return listSources(folder).flatMap((file) => {
    const own = findPart(file)
    const border = own === undefined ? undefined : BORDERS[own]
    if (!border) return [`${file} belongs to no part`]
    const { imports, packages } = border
    return listImports(file).flatMap((name) => {
      const target = resolveImport(file, name)
      if (target === undefined) return packages?.includes(name) === false ? [`${file} → ${name}`] : []
      const other = findPart(target)
      const allowed = other === own || (other !== undefined && imports.includes(other))
      return allowed ? [] : [`${file} → ${target}`]
    })
  })
}
