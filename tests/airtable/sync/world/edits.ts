/** What the edits of a script do to the table. */
import type { RecordData } from '@/local/airtable/tables/table'
import { makePerson, NAMES, TEAMS } from './fields'
import type { Edit } from './script'
import type { SimAirtable } from './simAirtable'

export interface Edited {
  airtable: SimAirtable
  deleted: RecordData[]
  /** How many edits there were. */
  writes: number
}

export function write(world: Edited, edits: readonly Edit[]): void {
  const [people] = world.airtable.tables
  if (!people) return
  const after = new Map(people.records)
  for (const edit of edits) apply(world, after, edit)
  const touched = new Set([...people.records.keys(), ...after.keys()])
  const changes = [...touched].flatMap((id) => {
    const [before, now] = [people.records.get(id), after.get(id)]
    return before === now ? [] : [{ id, before, after: now }]
  })
  if (changes.length > 0) world.airtable.store.commit(people, changes)
}

function apply(world: Edited, records: Map<string, RecordData>, edit: Edit): void {
  world.writes += 1
  const all = [...records.values()]
  const chosen = 'person' in edit ? all[edit.person % all.length] : undefined
  const set = (fields: Record<string, unknown>) => {
    if (chosen) records.set(chosen.id, { ...chosen, fields: { ...chosen.fields, ...fields } })
  }
  if (edit.do === 'rename') set({ Name: NAMES[edit.name] })
  if (edit.do === 'move') set({ Team: TEAMS[edit.team] })
  if (edit.do === 'note') set({ Note: edit.note === 0 ? '' : 'hi' })
  if (edit.do === 'set anew') set({ [edit.column]: `${edit.column} ${world.writes}` })
  if (edit.do === 'phone') set({ Phone: String(world.writes) })
  if (edit.do === 'break') set({ Name: edit.how === 'number' ? world.writes : { error: '#ERROR!' } })
  if (edit.do === 'create') {
    const made = makePerson(100 + world.deleted.length * 50 + all.length, edit.name, edit.team)
    if (!records.has(made.id)) records.set(made.id, made)
  }
  if (edit.do === 'delete' && chosen) {
    world.deleted.push(chosen)
    records.delete(chosen.id)
  }
  const lost = edit.do === 'restore' ? world.deleted[edit.which % world.deleted.length] : undefined
  if (lost && !records.has(lost.id)) records.set(lost.id, lost)
}

/** Another table of the same base, and the same log. */
export function writeElsewhere({ airtable, writes }: Edited): void {
  const [, offices] = airtable.tables
  const before = offices?.records.get('recOffice')
  if (!offices || !before) return
  const fields = { City: `${before.fields.City}, ${writes}` }
  airtable.store.commit(offices, [{ id: before.id, before, after: { ...before, fields } }])
}
