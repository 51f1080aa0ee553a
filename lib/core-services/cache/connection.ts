import type { Redis } from '@upstash/redis'
import type { Ports } from '../../shared/ports'
import { createLockStore } from './coordination/lockStore'
import { createLocks, type Locks } from './coordination/locks'
import { type ClaimableRecords, createSharedRecords } from './coordination/records'
import { createFieldKeyCommands } from './fields/commands/fieldKeyCommands'
import { createEntryReplacer } from './fields/commands/replaceEntry'
import type { FieldMemory } from './fields/memory/fieldMemory'
import { createEntryHeaders, type EntryHeaders } from './fields/store/entryHeaders'
import { createFieldStore, type FieldStore } from './fields/store/fieldStore'
import type { SendTogether } from './redis/batchedSends'
import { createKeySpace, type KeySpace } from './redis/commands/keySpace'
import { createPatternCommands } from './redis/commands/patternCommands'
import { type PipelineCommands, StrictCommands } from './redis/commands/strictCommands'
import { createWire, type SendAll, type Wire } from './redis/commands/wire'
import { type Send, sendSingly, sendTogether } from './redis/pipeline'
import { createTransport, type Transport } from './redis/transport/transport'
import { createRedisClient } from './redis/transport/upstashClient'
import type { CacheConfig } from './settings/cacheConfig'

/** How often a request that only reads is sent again, within the same deadline. */
const READ_RETRIES = 1

/** For modules with state of their own in Redis, under internal names. */
export interface Internals {
  send: Send
  keys: KeySpace
}

export interface Connection extends Internals {
  transport: Transport
  redis: Redis
  wire: Wire
  commands: StrictCommands
  fieldStore: FieldStore
  entryHeaders: EntryHeaders
  locks: Locks
  sharedRecords: ClaimableRecords
  /** Collected for one request. */
  pipelineCommands(collect: Send): PipelineCommands
}

/** Sends nothing yet. */
export function connect(config: CacheConfig, ports: Ports, memory: () => FieldMemory): Connection {
  const transport = createTransport(
    {
      url: config.url,
      token: config.token,
      urlName: config.urlName,
      tokenName: config.tokenName,
      timeoutMs: config.commandHardTimeoutMs,
      retries: READ_RETRIES,
      slowMs: config.slowCommandMs,
      breaker: config.breaker,
    },
    ports,
  )
  const send = sendSingly(transport)
  const keys = createKeySpace({
    prefix: config.keyPrefix,
    version: config.keyVersion,
    separator: config.keySeparator,
    maxLength: config.maxKeyLength,
  })
  const together: SendTogether = (commands) => sendTogether(transport, commands)
  const fieldStore = createFieldStore(send, together, config.batchSize, keys, ports)
  const fieldKeys = createFieldKeyCommands({ store: fieldStore, sendTogether: together, keys, ports, memory })
  const fields = { ...fieldKeys, ...createEntryReplacer({ store: fieldStore, ports, memory, fieldKeys }) }
  const patterns = createPatternCommands(send, transport, keys, config.batchSize, fieldKeys)
  const wireOptions = { send, sendAll: sendAll(together), keys, fields, patterns }
  return {
    transport,
    redis: createRedisClient(transport),
    send,
    keys,
    wire: createWire({ ...wireOptions, mgetSize: config.batchSize }),
    commands: new StrictCommands(createWire(wireOptions)),
    pipelineCommands: (collect) => {
      const each = sendEach(collect)
      const remove = (names: readonly string[]) => fieldKeys.remove(names, each)
      return new StrictCommands(
        createWire({
          ...wireOptions,
          send: collect,
          sendAll: sendAll(each),
          fields: { ...fields, remove },
          asksFirst: false,
        }),
      )
    },
    fieldStore,
    sharedRecords: createSharedRecords(send, keys),
    entryHeaders: createEntryHeaders(together, ports),
    locks: createLocks(createLockStore(send, keys), keys, config.lock, ports),
  }
}

/** Each command joins the request that others are collected for. */
const sendEach =
  (send: Send): SendTogether =>
  (commands) =>
    Promise.allSettled(commands.map((command) => send(...command)))

function sendAll(together: SendTogether): SendAll {
  return async (commands) =>
    (await together(commands)).map((reply) => {
      if (reply.status === 'rejected') throw reply.reason
      return reply.value
    })
}
