const FIRST_LINE = /^#!lua\b[^\n]*/
const VENDOR_FLAG = 'allow-key-locking'

/** What has to be taken out of a script before an engine that is not the vendor's can load it. */
export type ShebangSupport = 'flags' | 'none'

function withoutVendorFlag(line: string): string {
  return line
    .split(/\s+/)
    .map((word) => {
      if (!word.startsWith('flags=')) return word
      const flags = word.slice('flags='.length).split(',')
      const kept = flags.filter((flag) => flag !== VENDOR_FLAG)
      return kept.length === 0 ? '' : `flags=${kept.join(',')}`
    })
    .filter((word) => word !== '')
    .join(' ')
}

/** True when a script begins with `#!lua` and so may have to be rewritten. */
export function hasShebang(script: string): boolean {
  return FIRST_LINE.test(script)
}

/** The script without the vendor's flag, or without its shebang for an engine that knows none; lines keep their numbers. */
export function rewriteShebang(script: string, support: ShebangSupport): string {
  return script.replace(FIRST_LINE, (line) => {
    if (support === 'none') return ''
    return line.includes(VENDOR_FLAG) ? withoutVendorFlag(line) : line
  })
}
