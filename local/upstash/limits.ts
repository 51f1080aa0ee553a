/** The most bytes a request or a response may have: the vendor's limit of every plan without an extra charge. */
export const MAX_BODY_BYTES = 10_485_760

/** The vendor's text, which it uses for responses too. */
export function tooLargeText(actualBytes: number): string {
  return `ERR max request size exceeded. Limit: ${MAX_BODY_BYTES} bytes, Actual: ${actualBytes} bytes`
}
