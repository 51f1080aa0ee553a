'use client'

/** Replaces Next's error page, whose inline styles the content security policy blocks. The error itself is in the log. */
export default function ErrorPage({ retry }: { retry: () => void }) {
  return (
    <main>
      <h1>Something failed</h1>
      <p role="alert" className="alert">
        The page cannot be shown at the moment.
      </p>
      <p>
        <button type="button" onClick={retry}>
          Try again
        </button>
      </p>
    </main>
  )
}
