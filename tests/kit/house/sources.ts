/** The files of this repository, and what they import. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const CODE_FOLDERS = ['app', 'bench', 'lib', 'local', 'scripts', 'tests'] as const

export const read = (path: string): string => readFileSync(path, 'utf8')

/** Every source file in a folder and below it; what a build has left is none. */
export function listSources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(tsx?|mjs)$/.test(name) && !/(^|\/)(\.next|node_modules)\//.test(name))
    .map((name) => join(folder, name))
}

const IMPORT =
  /^(?:import\s*|(?:import|export|\})[^'"\n]*\bfrom\s*)['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

/** Every module that a file names, types included. */
export function listImports(file: string): string[] {
  return [...read(file).matchAll(IMPORT)].map(([, whole, inside]) => whole ?? inside ?? '')
}

/** The file of this repository that an import leads to; undefined for a package. */
export function resolveImport(from: string, name: string): string | undefined {
  const isOwn = /^(@\/|\.)/.test(name)
  if (!isOwn) return undefined
  const base = name.startsWith('@/') ? name.slice(2) : join(dirname(from), name)
  return ['', '.ts', '.tsx', '.mjs', '/index.ts', '/index.tsx']
    .map((ending) => base + ending)
    .find((path) => /\.(tsx?|mjs|json)$/.test(path) && existsSync(path))
}

/** Groups of files that import each other, directly or by way of others: Tarjan's strongly connected components. */
export function findCircles(files: readonly string[]): string[][] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const path: string[] = []
  const circles: string[][] = []

  function visit(file: string): number {
    const own = order.size
    order.set(file, own)
    lowest.set(file, own)
    path.push(file)
    for (const name of listImports(file)) {
      const target = resolveImport(file, name)
      if (target === undefined || target.endsWith('.json')) continue
      const reached = order.has(target)
        ? path.includes(target)
          ? (order.get(target) ?? own)
          : own
        : visit(target)
      lowest.set(file, Math.min(lowest.get(file) ?? own, reached))
    }
    const least = lowest.get(file) ?? own
    if (least === own) {
      const circle = path.splice(path.lastIndexOf(file))
      if (circle.length > 1) circles.push(circle.sort())
    }
    return least
  }

  for (const file of files) if (!order.has(file)) visit(file)
  return circles
}
