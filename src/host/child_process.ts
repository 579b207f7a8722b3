/** Sends a signal to a child, unless it has ended, even if its `status` has not settled yet. */
export function killChild(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // "Child process has already terminated."
    if (!(error instanceof TypeError)) throw error;
  }
}
