import { describe, expect, it } from 'vitest'
import { createKeySpace } from '@/lib/core-services/cache/engine/keys'

const keys = createKeySpace({ prefix: 'shop', version: 'v1', maxLength: 40 })

describe('key space', () => {
  it('puts logical keys under prefix and version, and finds them again', () => {
    expect(keys.physical('orders:account:001')).toBe('shop:v1:orders:account:001')
    expect(keys.logical('shop:v1:orders:account:001')).toBe('orders:account:001')
  })

  it('keeps internal names where no logical key and no pattern can reach them', () => {
    const internal = keys.internal('lock', 'orders:1')
    expect(internal).toBe('shop:v1~lock:orders:1')
    expect(internal.startsWith(keys.physical('x').slice(0, -1))).toBe(false)
  })

  it('measures a key alike for both kinds of names: what can be stored can be locked', () => {
    const longest = 'x'.repeat(40 - 'shop:v1~cooldown:'.length)
    expect(
      [keys.physical(longest), keys.internal('cooldown', longest)].map((name) => name.length <= 40),
    ).toEqual([true, true])
    expect(() => keys.physical(`${longest}x`)).toThrow('41 characters')
  })

  it('does not let glob characters of the prefix act as a glob', () => {
    const odd = createKeySpace({ prefix: 'a[b]*', version: 'v1', maxLength: 40 })
    expect(odd.pattern('orders:*')).toBe('a\\[b\\]\\*:v1:orders:*')
  })

  it.each([
    ['', 'it is empty'],
    ['a\nb', 'control character'],
    ['a\u0000', 'control character'],
    ['x'.repeat(40), 'with its prefix it has 57 characters, 40 at most'],
  ])('refuses %j and says why', (key, reason) => {
    expect(() => keys.physical(key)).toThrow(reason)
  })
})
