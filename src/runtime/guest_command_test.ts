import assert from "node:assert/strict";
import { pause } from "../../tests/helpers/until.ts";
import { SmolvmError } from "../errors.ts";
import type { AttachedCommand, CommandIo, ExitStatus } from "../machine/attached.ts";
import { GuestCommand, type StreamOptions } from "./guest_command.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** A command that the test controls. */
class FakeCommand {
  io!: CommandIo;
  readonly sent: unknown[] = [];
  readonly exit = Promise.withResolvers<ExitStatus>();
  readonly started = Promise.withResolvers<void>();
  isLeft = false;

  start(options: StreamOptions = {}): GuestCommand {
    return new GuestCommand(async (io) => {
      this.io = io;
      await pause(0);
      const attachment = {
        started: this.started.promise,
        signal: (number: number) => this.sent.push(number),
        resize: (size: unknown) => this.sent.push(size),
      };
      return {
        attachment,
        finish: () => this.exit.promise,
        [Symbol.asyncDispose]: () => Promise.resolve(void (this.isLeft = true)),
      } as unknown as AttachedCommand;
    }, options);
  }

  async write(stream: "stdout" | "stderr", data: string): Promise<void> {
    await this.io[stream](bytes(data));
  }
}

Deno.test("awaiting a GuestCommand returns its exit code and its output", async () => {
  const fake = new FakeCommand();
  const command = fake.start();
  await fake.write("stdout", "out");
  await fake.write("stderr", "err");
  await fake.write("stdout", "");
  fake.exit.resolve({ code: 3 });
  const result = { code: 3, signal: null, oomKilled: false, stdout: "out", stderr: "err" };
  assert.deepEqual(await command, result);
  assert.deepEqual(await command, result, "again");
  assert.equal(fake.isLeft, true);
});

Deno.test("GuestCommand.status names the signal that killed the command", async () => {
  const fake = new FakeCommand();
  fake.exit.resolve({ signal: 9 });
  assert.deepEqual(await fake.start().status, { code: 137, signal: "SIGKILL", oomKilled: false });
});

Deno.test("iterating over a GuestCommand yields its output as it arrives, then throws its failure", async () => {
  const fake = new FakeCommand();
  const command = fake.start();
  const seen: string[] = [];
  const read = (async () => {
    for await (const { stream, data } of command) seen.push(`${stream} ${text(data)}`);
  })();
  await pause(10);
  await fake.write("stdout", "1");
  await fake.write("stderr", "2");
  await pause(10);
  assert.deepEqual(seen, ["stdout 1", "stderr 2"]);
  fake.exit.reject(new SmolvmError("not-found", "no such command"));
  await assert.rejects(read, { code: "not-found" });
});

Deno.test("leaving the loop over a GuestCommand early ends the command", async () => {
  const fake = new FakeCommand();
  const command = fake.start();
  await pause(10);
  await fake.write("stdout", "1");
  for await (const _ of command) break;
  assert.equal(fake.isLeft, true);
  await assert.rejects(command.status, { code: "interrupted" });
});

Deno.test("an AbortSignal ends a GuestCommand at any time", async () => {
  const reason = new Error("enough");
  await assert.rejects(Promise.resolve(new FakeCommand().start({ signal: AbortSignal.abort(reason) })), reason);
  const fake = new FakeCommand();
  const controller = new AbortController();
  const command = fake.start({ signal: controller.signal });
  await pause(10);
  controller.abort(reason);
  await assert.rejects(Promise.resolve(command), reason);
  assert.equal(fake.isLeft, true);
  command.kill();
  await pause(10);
  assert.deepEqual(fake.sent, []);
});

Deno.test("an AbortSignal during the start of a GuestCommand cancels the start", async () => {
  const controller = new AbortController();
  const begun = Promise.withResolvers<void>();
  const command = new GuestCommand(async (_, signal) => {
    begun.resolve();
    await pause(10);
    throw signal.reason;
  }, { signal: controller.signal });
  await begun.promise;
  controller.abort(new Error("enough"));
  await assert.rejects(Promise.resolve(command), { message: "enough" });
});

Deno.test("GuestCommand ends a command that writes more than the limit", async () => {
  const fake = new FakeCommand();
  const command = fake.start({ outputLimitBytes: 4 });
  await fake.write("stdout", "12345");
  await assert.rejects(Promise.resolve(command), { code: "guest", message: "The command wrote more than 4 bytes" });
  assert.equal(fake.isLeft, true);
});

Deno.test("the stdout option of GuestCommand receives all output, and can make the command wait", async () => {
  const fake = new FakeCommand();
  const taken: string[] = [];
  const gate = Promise.withResolvers<void>();
  const command = fake.start({
    outputLimitBytes: 1,
    stdout: async (data) => {
      await gate.promise;
      taken.push(text(data));
    },
  });
  const written = fake.write("stdout", "long");
  await pause(10);
  assert.deepEqual(taken, []);
  gate.resolve();
  await written;
  fake.exit.resolve({ code: 0 });
  assert.equal((await command).stdout, "");
  assert.deepEqual(taken, ["long"]);
});

Deno.test("GuestCommand.stdin fails writes after the command has ended or could not start", async () => {
  const ended = new FakeCommand();
  const command = ended.start({ stdin: "piped" });
  const pending = command.stdin.getWriter().write(bytes("nobody reads it"));
  ended.exit.resolve({ code: 0 });
  const told = { code: "guest", message: "Cannot write to the command: it has ended" };
  await Promise.all([command, assert.rejects(pending, told)]);
  const reason = new Error("enough");
  const never = new FakeCommand().start({ stdin: "piped", signal: AbortSignal.abort(reason) });
  await assert.rejects(never.stdin.getWriter().write(bytes("in vain")), reason);
});

Deno.test("GuestCommand closes the source of the input when the command has ended", async () => {
  const fake = new FakeCommand();
  const closed = Promise.withResolvers<void>();
  const source = (async function* () {
    try {
      while (true) yield bytes("more");
    } finally {
      closed.resolve();
    }
  })();
  const command = fake.start({ stdin: source });
  await fake.io.stdin![Symbol.asyncIterator]().next();
  fake.exit.resolve({ code: 0 });
  await Promise.all([command, closed.promise]);
});

Deno.test("GuestCommand delays signals and resizes until the command runs", async () => {
  const fake = new FakeCommand();
  const command = fake.start();
  command.kill();
  command.kill("usr1");
  command.resize({ rows: 1, columns: 2 });
  assert.throws(() => command.kill("NOPE"), { code: "usage" });
  await pause(10);
  assert.deepEqual(fake.sent, []);
  fake.started.resolve();
  await command.started;
  await pause(10);
  assert.deepEqual(fake.sent, [15, 10, { rows: 1, columns: 2 }]);
  fake.exit.resolve({ code: 0 });
  await command;
});

Deno.test("GuestCommand sends input from bytes or a pipe", async () => {
  const given = new FakeCommand();
  given.start({ stdin: bytes("given") });
  assert.deepEqual((await Array.fromAsync(given.io.stdin!)).map(text), ["given"]);

  const piped = new FakeCommand();
  const writer = piped.start({ stdin: "piped" }).stdin.getWriter();
  writer.write(bytes("hi"));
  writer.close();
  assert.deepEqual((await Array.fromAsync(piped.io.stdin!)).map(text), ["hi"]);

  const none = new FakeCommand();
  const command = none.start();
  assert.equal(none.io.stdin, undefined);
  assert.throws(() => command.stdin, { code: "usage" });
});
