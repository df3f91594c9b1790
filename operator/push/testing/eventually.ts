/** Resolves when the condition holds; looks again after every turn of the event loop, and gives up after five seconds. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 5000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never came true: ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
}
