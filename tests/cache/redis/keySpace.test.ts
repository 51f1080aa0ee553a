import { describe, expect, it } from 'vitest'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'

const keys = createKeySpace({ prefix: 'shop', version: 'v1', maxLength: 40 })

describe('key space', () => {
  it('puts logical keys under prefix and version, and finds them again', () => {
    expect(keys.physical('orders:1')).toBe('shop:v1:orders:1')
    expect(keys.logical('shop:v1:orders:1')).toBe('orders:1')
  })

  it('keeps internal names where no logical key and no pattern can reach them', () => {
    const internal = keys.internal('lock', 'orders:1')
    expect(internal).toBe('shop:v1~lock:orders:1')
    expect(internal.startsWith(keys.physical('x').slice(0, -1))).toBe(false)
  })

  it('leaves room for the names that the engine makes of a key', () => {
    const longest = 'x'.repeat(40 - 'shop:v1'.length - 24)
    expect(
      keys.internal('lease', `${keys.logical(keys.physical(longest))}:hash1234567`).length,
    ).toBeLessThanOrEqual(40)
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
    ['x'.repeat(40), 'with its prefix it has 71 characters, 40 at most'],
  ])('refuses %j and says why', (key, reason) => {
    expect(() => keys.physical(key)).toThrow(reason)
  })
})
