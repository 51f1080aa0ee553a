/** The commands that the fields use, each atomic, on one primary. `tests/simulation/simRedis.test.ts` holds it to Redis. */
import type { Argument, RawReply } from '@/lib/core-services/cache/engine/send'

export type Command = readonly [name: string, ...args: Argument[]]

interface Stored {
  text: string
  expiresAt: number
}

export class SimRedis {
  readonly #stored = new Map<string, Stored>()
  readonly #now: () => number

  /** `now`: time in ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Of the keys that have not expired, sorted. */
  names(): string[] {
    return [...this.#stored.keys()].filter((name) => this.peek(name) !== null).sort()
  }

  peek(key: string): string | null {
    const found = this.#stored.get(key)
    if (found && found.expiresAt <= this.#now()) this.#stored.delete(key)
    return this.#stored.get(key)?.text ?? null
  }

  evict(name: string): void {
    this.#stored.delete(name)
  }

  execute([name, ...args]: Command): RawReply {
    const texts = args.map(String)
    switch (name) {
      case 'GET':
        return this.peek(texts[0] ?? '')
      case 'MGET':
        return texts.map((key) => this.peek(key))
      case 'SET':
        return this.#set(texts)
      case 'MSET':
        for (let index = 0; index < texts.length; index += 2) this.#put(texts[index], texts[index + 1])
        return 'OK'
      case 'MSETNX':
        if (texts.some((key, index) => index % 2 === 0 && this.peek(key) !== null)) return 0
        this.execute(['MSET', ...texts])
        return 1
      case 'DEL':
      case 'UNLINK':
        return texts.filter((key) => this.peek(key) !== null && this.#stored.delete(key)).length
      case 'EVAL':
        return this.#force(texts)
      default:
        throw new Error(`The simulation knows no ${name}`)
    }
  }

  #put(key = '', text = '', expiresAt = Number.POSITIVE_INFINITY): void {
    this.#stored.set(key, { text, expiresAt })
  }

  #set([key = '', text = '', ...options]: string[]): RawReply {
    const present = this.peek(key) !== null
    if ((options.includes('NX') && present) || (options.includes('XX') && !present)) return null
    const after = (option: string) => Number(options[options.indexOf(option) + 1])
    const lifetime = options.includes('PX')
      ? after('PX')
      : options.includes('EX')
        ? after('EX') * 1000
        : undefined
    this.#put(key, text, lifetime === undefined ? undefined : this.#now() + lifetime)
    return 'OK'
  }

  /** The script of `writeForced`, the only one that reads and refreshes of fields send. */
  #force([, count = '0', ...rest]: string[]): RawReply {
    const [entry = '', ...guards] = rest.slice(0, Number(count))
    const [text = '', ttl = '', own = '', life = '', ...expected] = rest.slice(Number(count))
    const current = guards.map((guard) => this.peek(guard))
    if (current[0] === own) return 1
    if (current.some((token, index) => token !== expected[index])) return 0
    this.#set(ttl === '' ? [entry, text] : [entry, text, 'EX', ttl])
    const [ownName = ''] = guards
    this.#set(life === '' ? [ownName, own] : [ownName, own, 'EX', life])
    return 1
  }
}
