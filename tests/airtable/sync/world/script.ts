/** What happens in one world, as data: fast-check draws it, prints it when a run fails, and makes it smaller. */
import fc from 'fast-check'

/** A change of one record; people are counted round the table as it is then. */
export type Edit =
  | { do: 'rename'; person: number; name: number }
  | { do: 'move'; person: number; team: number }
  | { do: 'note'; person: number; note: number }
  /** To what the cell never was before. */
  | { do: 'set anew'; person: number; column: 'Name' | 'Note' }
  | { do: 'phone'; person: number }
  /** The name becomes a number, or the error of a formula. */
  | { do: 'break'; person: number; how: 'number' | 'error' }
  | { do: 'create'; name: number; team: number }
  | { do: 'delete'; person: number }
  | { do: 'restore'; which: number }

export type Operation =
  /** One write. */
  | { do: 'write'; edits: readonly Edit[] }
  | { do: 'write elsewhere' }
  /** A ping although nothing has changed. */
  | { do: 'ping' }
  | { do: 'read' | 'force' | 'cron'; process: number; field: number }
  | { do: 'invalidate'; process: number; field: number }
  | { do: 'evict'; what: 'entry' | 'own token' | 'hook'; field: number }
  /** It dies between any two of its awaits, and another one takes its place. */
  | { do: 'crash'; process: number }

/** What becomes of one ping: how late each copy of it comes, in ms, and to which process. */
export type Delivery = readonly { delay: number; process: number }[]

/** `strict`: its item throws for names that are no texts, and it takes an empty view for a fault. */
export type FieldKind = 'by name' | 'by id' | 'in view order' | 'count' | 'strict'

export interface Script {
  seed: number
  fields: readonly FieldKind[]
  people: number
  /** How far reads lag behind payloads, in ms. */
  lag: number
  /** Over how many payloads one write is spread. */
  splits: number
  smallView: number
  mostShare: number
  /** Of a thousand ways, how many take a long time, and how many lose what is sent. */
  stalls: number
  losses: number
  /** `after`: how many ms pass before it. */
  steps: readonly { after: number; operation: Operation }[]
  /** For one ping after the other, over and over. */
  deliveries: readonly Delivery[]
  /** How many seconds lie between two follow-ups of the table at least. */
  rest: number
  /** By what everything that is missing gets in; `nothing`: time passes, and fields are read. */
  last: 'ping' | 'cron' | 'nothing'
}

const small = fc.nat({ max: 9 })
const process = fc.nat({ max: 2 })
const name = fc.nat({ max: 5 })
const team = fc.nat({ max: 1 })

const breakName = fc.record({
  do: fc.constant('break' as const),
  person: small,
  how: fc.constantFrom('number' as const, 'error' as const),
})

const edit = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('rename' as const), person: small, name }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('move' as const), person: small, team }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('note' as const), person: small, note: team }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('phone' as const), person: small }) },
  { weight: 3, arbitrary: breakName },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create' as const), name, team }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), person: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const), which: small }) },
) satisfies fc.Arbitrary<Edit>

const of = <T extends string>(...what: T[]) => fc.constantFrom(...what)

const operation = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: of('write'), edits: fc.array(edit, { minLength: 1, maxLength: 3 }) }),
  },
  // Enough to make most records of a table unreadable at once.
  {
    weight: 1,
    arbitrary: fc.record({ do: of('write'), edits: fc.array(breakName, { minLength: 4, maxLength: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: of('write elsewhere') }) },
  { weight: 1, arbitrary: fc.record({ do: of('ping') }) },
  { weight: 4, arbitrary: fc.record({ do: of('read'), process, field: process }) },
  { weight: 1, arbitrary: fc.record({ do: of('force', 'cron'), process, field: process }) },
  { weight: 1, arbitrary: fc.record({ do: of('invalidate'), process, field: process }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: of('evict'), what: of('entry', 'own token', 'hook'), field: process }),
  },
  { weight: 2, arbitrary: fc.record({ do: of('crash'), process }) },
) satisfies fc.Arbitrary<Operation>

const after = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 900 }) },
  { weight: 3, arbitrary: fc.nat({ max: 4_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(15_000, 70_000) },
)

const delivery = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.record({ delay: fc.nat({ max: 400 }), process })) },
  { weight: 1, arbitrary: fc.constant([]) },
  {
    weight: 2,
    arbitrary: fc.array(fc.record({ delay: fc.nat({ max: 9_000 }), process }), {
      minLength: 1,
      maxLength: 3,
    }),
  },
) satisfies fc.Arbitrary<Delivery>

const common = {
  seed: fc.nat(),
  people: fc.integer({ min: 1, max: 8 }),
  splits: fc.integer({ min: 1, max: 3 }),
  smallView: fc.constantFrom(0, 0, 3),
  mostShare: fc.constantFrom(1, 1, 0.5),
  stalls: fc.constantFrom(0, 0, 20),
  losses: fc.constantFrom(0, 0, 0, 20),
  steps: fc.array(fc.record({ after, operation }), { minLength: 1, maxLength: 14 }),
  deliveries: fc.array(delivery, { minLength: 1, maxLength: 5 }),
  rest: fc.constantFrom(0, 0, 0, 2, 15),
  last: of('nothing', 'nothing', 'ping', 'cron'),
}

/** Reads that lag by less than is waited before they are confirmed. */
export const lagging: fc.Arbitrary<Script> = fc.record({
  ...common,
  fields: fc.uniqueArray(of<FieldKind>('by name', 'by id', 'in view order', 'count', 'strict', 'strict'), {
    minLength: 1,
    maxLength: 2,
  }),
  lag: fc.constantFrom(0, 0, 700, 1_999),
})

const shownByCells = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: of('write'),
      edits: fc.array(fc.record({ do: of('set anew'), person: small, column: of('Name', 'Note') }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: of('ping') }) },
  { weight: 1, arbitrary: fc.record({ do: of('crash'), process }) },
) satisfies fc.Arbitrary<Operation>

const known = [
  { after: 15_000, operation: { do: 'read', process: 0, field: 0 } },
  { after: 15_000, operation: { do: 'write elsewhere' } },
] as const

/**
 * Reads that lag by more, of cells that are asked for by id, so that payloads tell how they have to look: as long as none
 * goes back to what it was, and nothing else tells on its own.
 */
export const laggingMore: fc.Arbitrary<Script> = fc.record({
  ...common,
  fields: fc.constant<FieldKind[]>(['by id']),
  steps: fc
    .array(fc.record({ after, operation: shownByCells }), { minLength: 1, maxLength: 10 })
    .map((steps) => [...known, ...steps]),
  smallView: fc.constant(0),
  mostShare: fc.constant(100),
  stalls: fc.constant(0),
  losses: fc.constant(0),
  lag: fc.constantFrom(2_100, 3_400),
})
