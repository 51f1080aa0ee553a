'use client'

/** Next's own has inline styles, which the content security policy blocks. What went wrong is in the log. */
export default function ErrorPage({ reset }: { reset: () => void }) {
  return (
    <main>
      <h1>Something failed</h1>
      <p role="alert" className="alert">
        The page cannot be shown at the moment.
      </p>
      <p>
        <button type="button" onClick={reset}>
          Try again
        </button>
      </p>
    </main>
  )
}
