/**
 * Calls `act` after a time, unless the timer is disposed of before. Does not use `setTimeout`, whose first call makes
 * Deno load its Node polyfills: that takes half as long as the start of Deno itself.
 */
export function startTimer(ms: number, act: () => void): Disposable {
  const signal = AbortSignal.timeout(ms);
  signal.addEventListener("abort", act, { once: true });
  // Deno does not wait for a timeout signal without listeners.
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", act) };
}

/** Calls `act` at a fixed interval until the timer is disposed of. */
export function startInterval(ms: number, act: () => void): Disposable {
  let timer = start();
  function start(): Disposable {
    return startTimer(ms, () => {
      timer = start();
      act();
    });
  }
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/**
 * Settles as `promise` does, if it settles within a time.
 *
 * @throws the error that `late` returns, after that time.
 */
export async function withDeadline<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const deadline = Promise.withResolvers<never>();
  using _ = startTimer(ms, () => deadline.reject(late()));
  return await Promise.race([promise, deadline.promise]);
}
