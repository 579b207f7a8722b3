import assert from "node:assert/strict";
import { parseSignal, signalName } from "./signal.ts";

Deno.test("parseSignal() accepts names, with or without SIG, and numbers", () => {
  const numbers = { SIGTERM: 15, term: 15, SigInt: 2, "9": 9, KILL: 9, SIGSYS: 31, "64": 64 };
  for (const [text, number] of Object.entries(numbers)) assert.equal(parseSignal(text), number, text);
  const realTime = { SIGRTMIN: 34, "RTMIN+3": 37, "rtmax-1": 63, SIGRTMAX: 64 };
  for (const [text, number] of Object.entries(realTime)) assert.equal(parseSignal(text), number, text);
});

Deno.test("parseSignal() refuses any other text", () => {
  for (const text of ["", "0", "65", "-9", "SIG", "TERMX", "RTMIN-1", "RTMAX+1", "1.5", "SIG15"]) {
    assert.equal(parseSignal(text), undefined, text);
  }
});

Deno.test("signalName() returns the name of a signal, or its number if it has no name", () => {
  for (let signal = 1; signal <= 31; signal++) assert.equal(parseSignal(signalName(signal)), signal);
  assert.equal(signalName(40), "signal 40");
});
