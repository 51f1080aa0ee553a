import { redisUnreachable } from '@/lib/core-services/cache/engine/errors'
import type { Argument, RawReply, Send } from '@/lib/core-services/cache/engine/send'

/** What becomes of one request: done, not done, done without an answer, or done later without an answer. */
export type Fault = 'none' | 'lost' | 'unanswered' | 'late'

type Command = readonly [name: string, ...args: Argument[]]

interface Stored {
  text: string
  expiresAt: number
}

/** The commands that the engine uses, each atomic, on one primary. Time comes from outside, in ms. */
export class SimRedis {
  readonly #stored = new Map<string, Stored>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  names(): string[] {
    return [...this.#stored.keys()].sort()
  }

  evict(name: string): void {
    this.#stored.delete(name)
  }

  execute([name, ...args]: Command): RawReply {
    const texts = args.map(String)
    switch (name) {
      case 'MGET':
        return texts.map((key) => this.#get(key))
      case 'SET':
        return this.#set(texts)
      case 'MSET':
        for (let index = 0; index < texts.length; index += 2) this.#put(texts[index], texts[index + 1])
        return 'OK'
      case 'MSETNX':
        if (texts.some((key, index) => index % 2 === 0 && this.#get(key) !== null)) return 0
        this.execute(['MSET', ...texts])
        return 1
      case 'DEL':
        return texts.filter((key) => this.#stored.delete(key)).length
      case 'EVAL':
        return this.#force(texts)
      default:
        throw new Error(`The simulation knows no ${name}`)
    }
  }

  #get(key: string): string | null {
    const found = this.#stored.get(key)
    if (found && found.expiresAt <= this.#now()) this.#stored.delete(key)
    return this.#stored.get(key)?.text ?? null
  }

  #put(key = '', text = '', expiresAt = Number.POSITIVE_INFINITY): void {
    this.#stored.set(key, { text, expiresAt })
  }

  #set([key = '', text = '', ...options]: string[]): RawReply {
    const present = this.#get(key) !== null
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

  /** The script of `writeForced`; the real one runs in the tests against real engines. */
  #force([, count = '0', ...rest]: string[]): RawReply {
    const [entry = '', ...guards] = rest.slice(0, Number(count))
    const [text = '', ttl = '', own = '', ...expected] = rest.slice(Number(count))
    const current = guards.map((guard) => this.#get(guard))
    if (current[0] === own) return 1
    if (current.some((token, index) => token !== expected[index])) return 0
    this.#set(ttl === '' ? [entry, text] : [entry, text, 'EX', ttl])
    this.#put(guards[0], own)
    return 1
  }
}

export interface SimConnection {
  send: Send
  sendTogether(commands: readonly Command[]): Promise<RawReply[]>
}

/** A connection on which everything takes its time: `hop` decides when a request arrives and when its answer does. */
export function connectSim(
  redis: SimRedis,
  hop: (label: string) => Promise<void>,
  nextFault: () => Fault,
): SimConnection {
  const failed = () => redisUnreachable('simulated', 'SIM_URL', new Error('lost'))

  async function request(commands: readonly Command[]): Promise<RawReply[]> {
    const label = commands.map(([name]) => name).join('+')
    const fault = nextFault()
    const run = async () => {
      const replies: RawReply[] = []
      for (const command of commands) {
        // The entries of a pipeline let others in between.
        if (replies.length > 0) await hop(`${label} next`)
        replies.push(redis.execute(command))
      }
      return replies
    }
    await hop(`${label} arrives`)
    if (fault === 'late') void hop(`${label} arrives late`).then(run)
    if (fault === 'lost' || fault === 'late') throw failed()
    const replies = await run()
    await hop(`${label} answered`)
    if (fault === 'unanswered') throw failed()
    return replies
  }

  return {
    send: async (...command) => (await request([command]))[0] ?? null,
    sendTogether: request,
  }
}
