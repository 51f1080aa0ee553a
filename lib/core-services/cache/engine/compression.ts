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
/** The packed form is taken when it has at most this part of the length. */
const WORTH_IT = 0.9
/** 4 packs a list of records to a tenth in a ms or less per 100 KB; 11 takes a hundred times as long for a little more. */
const QUALITY = 4
/** No value of ours is larger: a request to Redis has 10 MB at most. */
const MAX_BYTES = 200_000_000

/** Base64, since the REST API carries text; null when it does not pay. */
export async function pack(text: string): Promise<string | null> {
  if (text.length < THRESHOLD) return null
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }
  const packed = (await compress(text, options)).toString('base64')
  return packed.length <= text.length * WORTH_IT ? packed : null
}

/** Rejects when it is not what `pack` has made. */
export async function unpack(packed: string): Promise<string> {
  const bytes = await decompress(Buffer.from(packed, 'base64'), { maxOutputLength: MAX_BYTES })
  return bytes.toString('utf8')
}
