import assert from "node:assert/strict";
import { mock } from "node:test";
import { identifyProcess, isAlive, killProcess } from "./process_identity.ts";
import { until } from "../../tests/helpers/until.ts";

Deno.test("a process keeps its identity for as long as it runs", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const identity = identifyProcess(child.pid)!;
  assert.deepEqual(identifyProcess(child.pid), identity);
  assert.equal(isAlive(identity), true);
  assert.equal(await killProcess(identity), true);
  assert.equal((await child.status).signal, "SIGKILL");
  assert.equal(isAlive(identity), false);
  assert.equal(await killProcess(identity), false);
});

Deno.test("killProcess() settles when the process is gone", async () => {
  // The process ends slowly, because the kernel must free a lot of memory.
  const script = "x=$(head -c 50M /dev/zero | tr '\\0' x); echo ready; read _";
  const child = new Deno.Command("bash", { args: ["-c", script], stdin: "piped", stdout: "piped" }).spawn();
  const stdout = child.stdout.getReader();
  await stdout.read();
  const identity = identifyProcess(child.pid)!;
  await killProcess(identity);
  assert.equal(isAlive(identity), false);
  await stdout.cancel();
  await child.stdin.close();
  await child.status;
});

Deno.test("a process is alive until its last thread has ended", async () => {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-" });
  const source = `#include <pthread.h>
    #include <unistd.h>
    static void *wait(void *_) { sleep(60); return _; }
    int main(void) { pthread_t t; pthread_create(&t, 0, wait, 0); pthread_exit(0); }`;
  await Deno.writeTextFile(`${folder}/threads.c`, source);
  const args = ["-pthread", "-o", `${folder}/threads`, `${folder}/threads.c`];
  assert.equal((await new Deno.Command("cc", { args }).output()).code, 0);
  const child = new Deno.Command(`${folder}/threads`).spawn();
  const identity = identifyProcess(child.pid)!;
  await until(async () => /^State:\tZ/m.test(await Deno.readTextFile(`/proc/${child.pid}/status`)));
  assert.equal(isAlive(identity), true);
  assert.equal(await killProcess(identity), true);
  assert.equal(isAlive(identity), false);
  await child.status;
  await Deno.remove(folder, { recursive: true });
});

Deno.test("killProcess() reports that a process belongs to another user", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const identity = identifyProcess(child.pid)!;
  const kill = mock.getter(Deno, "kill", () => () => {
    throw new Deno.errors.PermissionDenied("Operation not permitted (os error 1)");
  });
  try {
    await assert.rejects(killProcess(identity), {
      code: "machine-state",
      message: `Cannot kill process ${child.pid}: it belongs to another user`,
    });
  } finally {
    kill.mock.restore();
  }
  child.kill();
  await child.status;
});

Deno.test("killProcess() never signals a process that reuses a process id", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const identity = identifyProcess(child.pid)!;
  assert.equal(await killProcess({ ...identity, startTime: `${identity.startTime}1` }), false);
  assert.equal(isAlive(identity), true);
  child.kill();
  await child.status;
});

Deno.test("a program name with parentheses and spaces does not break the start time", async () => {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-" });
  const program = `${folder}/a) Z 1 (b`;
  await Deno.copyFile("/bin/sleep", program);
  const child = new Deno.Command(program, { args: ["60"] }).spawn();
  try {
    assert.match(identifyProcess(child.pid)!.startTime, /:\d+$/);
  } finally {
    child.kill();
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("identifyProcess() returns undefined for a missing process", () => {
  assert.equal(identifyProcess(2 ** 30), undefined);
});
