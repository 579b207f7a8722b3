/** Sends a signal to a child; one that has ended, be it that nobody was told yet, needs none. */
export function killChild(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // "Child process has already terminated."
    if (!(error instanceof TypeError)) throw error;
  }
}
