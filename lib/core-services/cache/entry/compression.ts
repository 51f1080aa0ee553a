/**
 * Brotli for large values: a list of records shrinks to a tenth. Node's own, because nothing that runs everywhere has it;
 * asynchronous, so that a large value does not hold up other requests.
 */
import { promisify } from 'node:util'
import { brotliCompress, brotliDecompress, constants } from 'node:zlib'

const compress = promisify(brotliCompress)
const decompress = promisify(brotliDecompress)

/** In characters; below, the gain is not worth the time. */
const THRESHOLD = 2_048
/** The packed form is taken when, as base64, it has at most this part of the length. */
const WORTH_IT = 0.9
/** 4 packs a list of records to a tenth in a ms or less per 100 KB; 11 takes a hundred times as long for a little more. */
const QUALITY = 4
/** No value of ours is larger: a request to Redis has 10 MB at most. */
const MAX_BYTES = 200_000_000

/** Null when it does not pay. */
export async function pack(text: string): Promise<Uint8Array | null> {
  if (text.length < THRESHOLD) return null
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }
  const packed = await compress(text, options)
  return (packed.length * 4) / 3 <= text.length * WORTH_IT ? packed : null
}

/** Rejects when it is not what `pack` has made. */
export async function unpack(packed: Uint8Array): Promise<string> {
  return (await decompress(packed, { maxOutputLength: MAX_BYTES })).toString('utf8')
}
