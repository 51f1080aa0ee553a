/** Asynchronous, so that a large value does not hold up other requests. */
import { promisify } from 'node:util'
import { brotliCompress, brotliDecompress, constants } from 'node:zlib'

const compress = promisify(brotliCompress)
const decompress = promisify(brotliDecompress)

/** In characters. */
const THRESHOLD = 2_048
/** Largest ratio of packed base64 to plain text that is worth the time. */
const WORTH_IT = 0.9
/** A list of records shrinks to a tenth, in a ms per 100 KB. 11 takes a hundred times as long for a little more. */
const QUALITY = 4
/** A request to Redis has 10 MB at most. */
const MAX_BYTES = 200_000_000

/** Null when packing does not pay. */
export async function pack(text: string): Promise<Uint8Array | null> {
  if (text.length < THRESHOLD) return null
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }
  const packed = await compress(text, options)
  return (packed.length * 4) / 3 <= text.length * WORTH_IT ? packed : null
}

/** Rejects when `pack` did not write it. */
export async function unpack(packed: Uint8Array): Promise<string> {
  return (await decompress(packed, { maxOutputLength: MAX_BYTES })).toString('utf8')
}
