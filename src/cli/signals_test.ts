import assert from "node:assert/strict";
import { pause } from "../../tests/helpers/until.ts";
import { FORWARDED, type ForwardedSignal, onResize, onSignals } from "./signals.ts";

/** Sends this process a signal and waits up to 5 s until `heard` returns true. */
async function signalSelf(signal: Deno.Signal, heard: () => boolean): Promise<void> {
  Deno.kill(Deno.pid, signal);
  for (const deadline = Date.now() + 5000; !heard() && Date.now() < deadline;) {
    await pause(5);
  }
}

Deno.test("onSignals() calls the handler with the name of every forwarded signal", async () => {
  const heard: ForwardedSignal[] = [];
  using _ = onSignals((signal) => heard.push(signal));
  // SIGINT would end the tests.
  const signals = (Object.keys(FORWARDED) as ForwardedSignal[]).filter((signal) => signal !== "SIGINT");
  for (const signal of signals) {
    await signalSelf(signal, () => heard.includes(signal));
  }
  assert.deepEqual(heard, signals);
});

Deno.test("onSignals() and onResize() stop calling the handler once disposed of", async () => {
  const heard: string[] = [];
  // Without a listener, SIGUSR1 would end this process.
  let others = 0;
  const listener = () => others++;
  Deno.addSignalListener("SIGUSR1", listener);
  onSignals((signal) => heard.push(signal))[Symbol.dispose]();
  onResize(() => heard.push("SIGWINCH"))[Symbol.dispose]();
  Deno.kill(Deno.pid, "SIGWINCH");
  await signalSelf("SIGUSR1", () => others > 0);
  Deno.removeSignalListener("SIGUSR1", listener);
  assert.deepEqual([others, heard], [1, []]);
});

Deno.test("onResize() calls the handler when the terminal's size changes", async () => {
  let resized = 0;
  using _ = onResize(() => resized++);
  await signalSelf("SIGWINCH", () => resized > 0);
  assert.equal(resized, 1);
});
