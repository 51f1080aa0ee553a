export async function register(): Promise<void> {
  // Next compiles this file for its edge runtime as well, where the services cannot run.
  if (process.env.NEXT_RUNTIME === 'nodejs') {
    const { bootServer } = await import('./lib/boot')
    await bootServer()
  }
}
