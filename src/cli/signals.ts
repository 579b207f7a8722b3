import { SmolvmError } from "../errors.ts";
import { blockedSignals, isSignalBlocked } from "../host/blocked_signals.ts";
import { startTimer } from "../host/timer.ts";
import { reportError } from "./report.ts";

/** The signals that are forwarded to the command, with their numbers on Linux, which the guest runs. */
export const FORWARDED = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 } as const;
export type ForwardedSignal = keyof typeof FORWARDED;

/** Whether a signal ends this process when it cannot forward the signal to a command. */
export function endsProcess(signal: ForwardedSignal): boolean {
  return signal !== "SIGUSR1" && signal !== "SIGUSR2";
}

/** Calls `handler` for each signal in {@linkcode FORWARDED}, until the result is disposed of. */
export function onSignals(handler: (signal: ForwardedSignal) => void): Disposable {
  const listeners = new DisposableStack();
  for (const signal of Object.keys(FORWARDED) as ForwardedSignal[]) {
    const listener = () => handler(signal);
    if (signal === DEBUGGER_SIGNAL && isSignalBlocked(FORWARDED[signal])) {
      listeners.use(onDebuggerSignal(listener));
    } else {
      Deno.addSignalListener(signal, listener);
      listeners.defer(() => Deno.removeSignalListener(signal, listener));
    }
  }
  return listeners;
}

/** On this signal, Deno opens a debugger to all users of the host, so the launchers block it. */
const DEBUGGER_SIGNAL = "SIGUSR1";
/** The listeners of the blocked signal; `undefined` until the first one is added. */
let debuggerListeners: Set<() => void> | undefined;

function onDebuggerSignal(listener: () => void): Disposable {
  if (debuggerListeners === undefined) {
    debuggerListeners = new Set();
    // Delayed so that it does not slow down the operation that the user waits for.
    startTimer(0, () => void readDebuggerSignal());
  }
  debuggerListeners.add(listener);
  return { [Symbol.dispose]: () => void debuggerListeners!.delete(listener) };
}

async function readDebuggerSignal(): Promise<void> {
  for await (const _ of blockedSignals([FORWARDED[DEBUGGER_SIGNAL]])) {
    for (const listener of debuggerListeners!) listener();
  }
}

/** Calls `handler` when the terminal's size changes, until the result is disposed of. */
export function onResize(handler: () => void): Disposable {
  Deno.addSignalListener("SIGWINCH", handler);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGWINCH", handler) };
}

/** Runs `act`, whose signal a process signal aborts; returns its exit code, or 128+n after signal n. */
export async function untilSignal(act: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  let interruptedBy: ForwardedSignal | undefined;
  using _ = onSignals((signal) => {
    if (!endsProcess(signal)) return;
    interruptedBy = signal;
    controller.abort(new SmolvmError("interrupted", `Interrupted by ${signal}`));
  });
  try {
    const code = await act(controller.signal);
    if (interruptedBy === undefined) return code;
  } catch (error) {
    if (interruptedBy === undefined) throw error;
    reportError(error);
  }
  return 128 + FORWARDED[interruptedBy];
}
