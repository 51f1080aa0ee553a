import type { Metadata, Viewport } from 'next'
import { connection } from 'next/server'
import { type ReactNode, Suspense } from 'react'
import './globals.css'

export const metadata: Metadata = {
  title: 'Sales agents · Field Cache',
  description: 'The sales agents from Airtable, served through Field Cache',
}

export const viewport: Viewport = { colorScheme: 'light dark' }

/**
 * Renders every page, its head included, for each request: the content security policy gives each answer a nonce, which
 * nothing rendered at build time could carry.
 */
export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <Suspense>
      <Page>{children}</Page>
    </Suspense>
  )
}

async function Page({ children }: { children: ReactNode }) {
  await connection()
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
