/**
 * Calls `act` after a time, unless the timer is disposed of before. Not by `setTimeout`: for the first of those, Deno
 * loads its polyfills of Node, which takes as long as half of its own start.
 */
export function startTimer(ms: number, act: () => void): Disposable {
  const signal = AbortSignal.timeout(ms);
  signal.addEventListener("abort", act, { once: true });
  // Deno goes on without waiting for a timer that nobody listens to.
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", act) };
}

/** Calls `act` again and again, each time after the same time, until the timer is disposed of. */
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
 * Settles as `promise` does, if that is within a time.
 *
 * @throws what `late` returns, after that.
 */
export async function withDeadline<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const deadline = Promise.withResolvers<never>();
  using _ = startTimer(ms, () => deadline.reject(late()));
  return await Promise.race([promise, deadline.promise]);
}
