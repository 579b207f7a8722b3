/**
 * Does something that ends when the promise which it is given rejects.
 *
 * @throws the reason of `signal`, once that is aborted.
 */
export async function untilAborted<T>(
  signal: AbortSignal | undefined,
  work: (until: Promise<never>) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // What is not waited for it yet ends by itself.
  const onAbort = () => reject(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  try {
    return await work(promise);
  } catch (error) {
    // What it says of its end may be wrapped in something else.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
