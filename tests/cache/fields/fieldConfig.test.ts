import { expect, it } from 'vitest'
import { defineFields, findFieldByKey, findFieldByName } from '@/lib/core-services/cache/fields/fieldConfig'
import { field } from '../../kit/fields/fieldProcess'

const one = field<unknown>(async () => 1)

it('defineFields makes fields findable by name and by key', () => {
  defineFields([one, { ...one, name: 'head-count', key: 'heads' }])
  expect(findFieldByName('agents')).toBe(one)
  expect(findFieldByKey('heads')?.name).toBe('head-count')
  expect(findFieldByName('toString')).toBeUndefined()
})

it.each([
  [[{ ...one, name: 'Agents' }], 'its name is not made of lower-case words'],
  [[{ ...one, name: 'a/b' }], 'its name is not made of lower-case words'],
  [[one, { ...one, key: 'other' }], 'another field has the same name'],
  [[one, { ...one, name: 'other' }], 'the field "agents" has the same key, agents_list'],
  [[{ ...one, key: '' }], 'its key cannot be used: it is empty'],
  [[{ ...one, ttl: 0 }], 'ttl is 0, not a positive whole number of seconds'],
  [[{ ...one, ttl: 1.5 }], 'ttl is 1.5'],
  [[{ ...one, anonymousForce: -1 }], 'anonymousForce is -1'],
  [[{ ...one, refreshEvery: Number.NaN }], 'refreshEvery is NaN'],
])('defineFields refuses %o and says what is wrong', (fields, reason) => {
  expect(() => defineFields(fields)).toThrow(reason)
})
