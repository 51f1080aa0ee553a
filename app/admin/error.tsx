'use client'

import { useSyncExternalStore } from 'react'

const never = () => () => undefined

/** The server refused the request of a button, most likely because it does not know the origin that the browser shows. */
export default function AdminError({ retry }: { retry: () => void }) {
  const origin = useSyncExternalStore(
    never,
    () => window.location.origin,
    () => '',
  )
  return (
    <main className="admin">
      <div className="door">
        <h1>Something failed</h1>
        <p role="alert">The server refused the request, or cannot be reached.</p>
        <p className="quiet">
          If this happens every time, a proxy in front of the server may be changing the Host header. Let it
          send <code>X-Forwarded-Host</code>, or start the server with <code>APP_ORIGINS={origin}</code>. The
          log then has a line <code>origin.refused</code>.
        </p>
        <button type="button" className="strong" onClick={retry}>
          Try again
        </button>
      </div>
    </main>
  )
}
