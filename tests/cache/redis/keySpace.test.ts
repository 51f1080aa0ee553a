import { describe, expect, it } from 'vitest'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'

const keys = createKeySpace({ prefix: 'shop', version: 'v1', maxLength: 40 })

describe('key space', () => {
  it('a logical key is stored under prefix and version, and found again', () => {
    expect(keys.physical('orders:1')).toBe('shop:v1:orders:1')
    expect(keys.logical('shop:v1:orders:1')).toBe('orders:1')
  })

  it('no logical key and no pattern reaches an internal name', () => {
    const internal = keys.internal('lock', 'orders:1')
    expect(internal).toBe('shop:v1~lock:orders:1')
    expect(internal.startsWith(keys.physical('x').slice(0, -1))).toBe(false)
  })

  it('the longest key leaves room for the internal names made of it', () => {
    const longest = 'x'.repeat(40 - 'shop:v1'.length - 24)
    expect(
      keys.internal('lease', `${keys.logical(keys.physical(longest))}:hash1234567`).length,
    ).toBeLessThanOrEqual(40)
    expect(() => keys.physical(`${longest}x`)).toThrow('41 characters')
  })

  it('glob characters in the prefix match only themselves', () => {
    const odd = createKeySpace({ prefix: 'a[b]*', version: 'v1', maxLength: 40 })
    expect(odd.pattern('orders:*')).toBe('a\\[b\\]\\*:v1:orders:*')
  })

  it.each([
    ['', 'it is empty'],
    ['a\nb', 'control character'],
    ['a\u0000', 'control character'],
    ['x'.repeat(40), 'with its prefix it has 71 characters, 40 at most'],
  ])('the key space refuses %j and says why', (key, reason) => {
    expect(() => keys.physical(key)).toThrow(reason)
  })
})
