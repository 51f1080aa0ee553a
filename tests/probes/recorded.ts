/**
 * What other caches did when the same was tried with them, each as published and over a Redis of its own: data beside
 * our probes, so that a probe tells what it is for. Nothing here is run.
 */
export const RECORDED = '20 Nov 2026'

/** The versions that were tried. */
export const PEERS = {
  bentocache: '1.6.1',
  cachified: '5.6.3',
  cacheable: '2.5.0',
  'cache-manager': '7.2.9',
  'async-cache-dedupe': '3.4.0',
  ocache: '0.3.2',
  '@vercel/functions': '3.9.9',
} as const

export type Peer = keyof typeof PEERS

/** `none` where the peer does not have the feature, or where it was not tried. */
export type Verdict = 'passes' | 'fails' | 'none'

export interface Outcome {
  verdict: Verdict
  did: string
}

export interface RecordedProbe {
  tried: string
  peers: Partial<Record<Peer, Outcome>>
}

const passes = (did = 'right'): Outcome => ({ verdict: 'passes', did })
const fails = (did: string): Outcome => ({ verdict: 'fails', did })
const ABSENT: Outcome = { verdict: 'none', did: 'it has nothing of the kind' }
const UNTRIED: Outcome = { verdict: 'none', did: 'not tried' }

const OLD = fails('the old value, for its whole ttl')

/** Peers without tags. */
const NO_TAGS = { cachified: ABSENT, 'cache-manager': ABSENT, ocache: ABSENT }

const probes = {
  deleteDuringFetch: {
    tried: 'deleted during a slow fetch, then read',
    peers: {
      bentocache: OLD,
      cachified: OLD,
      cacheable: OLD,
      'cache-manager': OLD,
      'async-cache-dedupe': OLD,
      ocache: fails('the new value in the same process, the old one in another'),
    },
  },
  tagDuringFetch: {
    tried: 'a tag invalidated during a slow fetch, then read',
    peers: { ...NO_TAGS, bentocache: OLD, cacheable: UNTRIED, 'async-cache-dedupe': UNTRIED },
  },
  skewedClock: {
    tried: 'a tag invalidated by an instance whose clock is wrong (peers: 2 s behind)',
    peers: {
      ...NO_TAGS,
      bentocache: OLD,
      cacheable: passes('right: counts versions'),
      'async-cache-dedupe': ABSENT,
    },
  },
  memoryOfOthers: {
    tried: 'a tag invalidated elsewhere, then read by an instance with a copy in memory and no message bus',
    peers: {
      ...NO_TAGS,
      bentocache: fails('the old value, also of a key that it never read'),
      cacheable: UNTRIED,
      'async-cache-dedupe': ABSENT,
    },
  },
  overlappingInvalidations: {
    tried: 'three overlapping invalidations, one of them slow',
    peers: {
      ...NO_TAGS,
      bentocache: ABSENT,
      cacheable: fails('the slow one undoes one that was complete: its counter goes from 2 back to 1'),
      'async-cache-dedupe': ABSENT,
    },
  },
  tagsChangedInCode: {
    tried: 'a tag added to an entry in code, then invalidated',
    peers: {
      ...NO_TAGS,
      bentocache: fails('the entry of before is still served: Julien-R44/bentocache#83'),
      cacheable: UNTRIED,
      'async-cache-dedupe': UNTRIED,
    },
  },
  emptyValues: {
    tried: '0, false, "" and null read back',
    peers: {
      bentocache: passes(),
      cachified: passes(),
      cacheable: fails('undefined, and fetched again by every read'),
      'cache-manager': passes(),
      'async-cache-dedupe': passes(),
      ocache: passes(),
    },
  },
  fetcherThrows: {
    tried: 'the fetcher throws and nothing is cached',
    peers: {
      bentocache: passes('throws'),
      cachified: passes('throws'),
      cacheable: fails('answers undefined'),
      'cache-manager': passes('throws'),
      'async-cache-dedupe': passes('throws'),
      ocache: passes('throws'),
    },
  },
  storeRejects: {
    tried: 'every command of the store rejects at once',
    peers: {
      bentocache: fails('throws without a memory layer'),
      cachified: fails('throws: deletes in the catch of its read'),
      cacheable: passes('answers'),
      'cache-manager': passes('answers'),
      'async-cache-dedupe': passes('answers'),
      ocache: passes('answers'),
    },
  },
  callersOfFailingFetch: {
    tried: '20 callers of a fetcher that fails after 30 ms',
    peers: {
      bentocache: fails('20 fetches, one after the other'),
      cachified: passes('1 fetch'),
      cacheable: passes('1 fetch'),
      'cache-manager': passes('1 fetch'),
      'async-cache-dedupe': passes('1 fetch'),
      ocache: passes('1 fetch'),
    },
  },
  readsWhileFailing: {
    tried: '200 reads in 2 s while the source fails and a stale value is there',
    peers: {
      bentocache: fails('67 calls (2 with settings that are not the default)'),
      cachified: fails('198 calls'),
      cacheable: fails('199 calls and 200 errors'),
      'cache-manager': fails('67 calls'),
      'async-cache-dedupe': fails('40 calls'),
      ocache: fails('200 calls'),
    },
  },
  coldCallers: {
    tried: '100 cold callers of one key',
    peers: {
      bentocache: fails('201 commands, 105 of them one after the other'),
      cachified: fails('101 commands'),
      cacheable: fails('101 commands'),
      'cache-manager': passes('2 commands, without a lock'),
      'async-cache-dedupe': passes('2 commands, without a lock'),
      ocache: fails('101 commands'),
    },
  },
  coldInstances: {
    tried: '2 instances with 10 cold callers each',
    peers: {
      bentocache: fails('2 fetches'),
      cachified: fails('2 fetches'),
      cacheable: fails('2 fetches'),
      'cache-manager': UNTRIED,
      'async-cache-dedupe': fails('2 fetches'),
      ocache: fails('2 fetches'),
    },
  },
  blackHole: {
    tried: 'the store takes requests and never answers, with settings as they come',
    peers: {
      bentocache: fails('no answer within 8 s'),
      cachified: fails('no answer within 8 s'),
      cacheable: fails('no answer within 8 s'),
      'cache-manager': fails('no answer within 8 s'),
      'async-cache-dedupe': fails('no answer within 8 s'),
      ocache: fails('no answer within 8 s'),
    },
  },
  refusedConnection: {
    tried: 'the store refuses connections, with settings as they come',
    peers: {
      bentocache: fails('no answer within 8 s'),
      cachified: fails('no answer within 8 s'),
      cacheable: passes('answers after 0.4 s'),
      'cache-manager': passes('answers after 0.5 s'),
      'async-cache-dedupe': fails('no answer within 8 s'),
      ocache: fails('no answer within 8 s'),
    },
  },
  pageOfFields: {
    tried: 'a page of 20 warm fields with 3 tags each',
    peers: {
      ...NO_TAGS,
      bentocache: fails('140 commands'),
      cachified: fails('20 commands, without tags'),
      cacheable: fails('40 commands with all values in memory; 2 as a batch, which cannot fetch'),
      'async-cache-dedupe': UNTRIED,
    },
  },
  taggedHit: {
    tried: 'a hit on an entry with 3 tags',
    peers: {
      ...NO_TAGS,
      bentocache: fails('7 commands, one after the other'),
      cacheable: fails('3 commands, one after the other; 2 with the value in memory'),
      'async-cache-dedupe': passes('1 command, after a miss of 13'),
    },
  },
  staleHit: {
    tried: 'a stale hit: what its reader waits for',
    peers: {
      bentocache: fails('2 round trips'),
      cachified: passes('1 round trip'),
      cacheable: ABSENT,
      'cache-manager': passes('1 round trip'),
      'async-cache-dedupe': fails('2 round trips'),
      ocache: passes('1 round trip'),
    },
  },
  manyEntriesOfOneTag: {
    tried: 'a tag of 200 entries invalidated',
    peers: {
      ...NO_TAGS,
      bentocache: passes('1 command'),
      cacheable: fails('2 commands that are not atomic'),
      'async-cache-dedupe': fails('604 commands'),
    },
  },
  collidingKeys: {
    tried: 'a value stored under a key, then read under another one with the same hash',
    peers: {
      '@vercel/functions': fails('the value of the other key: 5,205 of 20,000 short keys collide'),
    },
  },
} satisfies Record<string, RecordedProbe>

export type ProbeName = keyof typeof probes

export const PROBES: Readonly<Record<ProbeName, RecordedProbe>> = probes
