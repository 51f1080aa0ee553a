import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { applyEdit } from './mutation'
import { mutations } from './mutations'
import { scenarios } from './scenarios'

describe.each(mutations)('the mutation "$name"', ({ edits, scenarios: finders = [], test }) => {
  it('still applies to the code', () => {
    const files = new Map<string, string>()
    for (const edit of edits) {
      const text = files.get(edit.file) ?? readFileSync(`lib/${edit.file}`, 'utf8')
      const changed = applyEdit(text, edit)
      expect(changed).not.toBe(text)
      files.set(edit.file, changed)
    }
  })

  it('is looked for where there is something', () => {
    const names = scenarios.map(({ name }) => name)
    expect(finders.filter((name) => !names.includes(name))).toEqual([])
    expect(test === undefined || existsSync(test)).toBe(true)
  })
})
