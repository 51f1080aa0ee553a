/** Cell values by field name. */
export type Fields = Readonly<Record<string, unknown>>

/** One record in the shape of the vendor's answers. */
export interface RecordData {
  readonly id: string
  readonly createdTime: string
  readonly fields: Fields
}

/** A view decides which records of a table are listed and in which order; without either, all in table order. */
export interface ViewData {
  readonly id: string
  readonly name: string
  readonly includes?: (fields: Fields) => boolean
  readonly compare?: (a: Fields, b: Fields) => number
}

/** What one table starts with. `fields` are its field names; by default those its records use. */
export interface TableData {
  readonly id: string
  readonly name: string
  readonly fields?: readonly string[]
  readonly views: readonly ViewData[]
  readonly records: readonly RecordData[]
}

/** An API request, read completely and cut free from node:http. `path` is split at "/" and decoded. */
export interface ApiRequest {
  readonly method: string
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly authorization: string | undefined
  readonly body: string
}

/** What the request asked for, for the counters. */
export type RequestKind = 'list' | 'listRecords' | 'get' | 'update' | 'unknown'

/** The status and JSON body a request is answered with. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}
