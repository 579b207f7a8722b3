/** The signals that go to the command, by their numbers on Linux, where it runs. */
export const FORWARDED = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 } as const;
export type ForwardedSignal = keyof typeof FORWARDED;

/** Calls `handler` for each signal to be forwarded, until it is disposed of. */
export function onSignals(handler: (signal: ForwardedSignal) => void): Disposable {
  const listeners = (Object.keys(FORWARDED) as ForwardedSignal[]).map((signal) => {
    const listener = () => handler(signal);
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    [Symbol.dispose]() {
      for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/** Calls `handler` when the terminal's size changes, until it is disposed of. */
export function onResize(handler: () => void): Disposable {
  Deno.addSignalListener("SIGWINCH", handler);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGWINCH", handler) };
}
