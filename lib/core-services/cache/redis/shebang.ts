/**
 * How scripts begin: it lets one lock its keys alone, where by default it would lock the whole database (Upstash, key
 * locking). All keys go through KEYS.
 */
export const SHEBANG = '#!lua flags=allow-key-locking\n'
