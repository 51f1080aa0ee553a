/** Limits up to which a value is updated record by record. See docs/airtable.md. */
export interface DeltaLimits {
  /** Up to this size a view is read whole, in two requests, as a delta takes. */
  smallView: number
  mostRecords: number
  /** The largest share of a view that is read again record by record. */
  mostShare: number
  /** How long reads of Airtable may lag behind an announced change, in ms. */
  lagMs: number
}

export const DELTA_LIMITS: DeltaLimits = { smallView: 200, mostRecords: 100, mostShare: 0.2, lagMs: 2_000 }
