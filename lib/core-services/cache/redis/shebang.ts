/**
 * First line of each script: locks only its keys, where Upstash would lock the whole database. All keys must be in
 * KEYS.
 */
export const SHEBANG = '#!lua flags=allow-key-locking\n'
