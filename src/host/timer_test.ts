import assert from "node:assert/strict";
import { assertCode, runProcess } from "../../tests/helpers/process.ts";
import { sleep } from "./sleep.ts";
import { startInterval, startTimer, withDeadline } from "./timer.ts";

Deno.test("startTimer() acts once after the time, but not after it is disposed of", async () => {
  const acted: string[] = [];
  using _ = startTimer(20, () => acted.push("late"));
  startTimer(10, () => acted.push("never"))[Symbol.dispose]();
  assert.deepEqual(acted, []);
  await sleep(60);
  assert.deepEqual(acted, ["late"]);
});

Deno.test("startTimer() keeps a process alive until it has acted or is disposed of", async () => {
  const module = JSON.stringify(new URL("timer.ts", import.meta.url).href);
  const script = `import { startTimer } from ${module};
    startTimer(600_000, () => console.log("never"))[Symbol.dispose]();
    startTimer(50, () => console.log("acted"));`;
  const outcome = await runProcess(Deno.execPath(), { args: ["eval", script] });
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "acted\n");
});

Deno.test("startInterval() acts repeatedly until it is disposed of", async () => {
  let count = 0;
  const interval = startInterval(5, () => {
    if (++count === 3) interval[Symbol.dispose]();
  });
  await sleep(100);
  assert.equal(count, 3);
});

Deno.test("withDeadline() settles as a promise that is in time, and throws the given error after the deadline", async () => {
  const late = () => new Error("late");
  assert.equal(await withDeadline(Promise.resolve(1), 60_000, late), 1);
  await assert.rejects(withDeadline(Promise.reject(new Error("own")), 60_000, late), { message: "own" });
  await assert.rejects(withDeadline(new Promise(() => {}), 5, late), { message: "late" });
});
