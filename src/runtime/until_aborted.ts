/**
 * Runs `work`, which must end when the promise that it is given rejects.
 *
 * @throws the reason of `signal`, once that is aborted.
 */
export async function untilAborted<T>(
  signal: AbortSignal | undefined,
  work: (until: Promise<never>) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // Prevents an unhandled rejection if `work` does not await it.
  const onAbort = () => reject(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  try {
    return await work(promise);
  } catch (error) {
    // Throw the signal's reason itself: `work` may have wrapped it.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
