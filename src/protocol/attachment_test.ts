import assert from "node:assert/strict";
import { FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { pause } from "../../tests/helpers/until.ts";
import { CHANNEL, MSG, STAGE, STREAM_WINDOW } from "./constants.ts";
import { CONTROL, MAIN_STREAM } from "./control.ts";
import { encodeExited, encodeFailure, encodeU32s } from "./messages.ts";
import { Attachment, type CommandIo } from "./attachment.ts";

/** Makes a fake runner send STARTED or another frame. */
const say = (runner: FramePeer, type: number, payload?: Uint8Array) => runner.send(type, MAIN_STREAM, payload);

/** Runs a test with an attachment and the fake runner it is attached to. */
async function withRunner(
  io: Partial<CommandIo>,
  test: (attachment: Attachment, runner: FramePeer) => Promise<void>,
): Promise<void> {
  using folder = makeTempFolder();
  const path = `${folder.path}/control.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  const nowhere = () => Promise.resolve();
  const opening = Attachment.open(path, { stdin: undefined, stdout: nowhere, stderr: nowhere, ...io });
  using runner = new FramePeer(await listener.accept());
  assert.deepEqual(await runner.next(), { type: CONTROL.ATTACH, stream: MAIN_STREAM, payload: new Uint8Array() });
  await test(await opening, runner);
}

const message = (type: number, ...numbers: number[]) => ({
  type,
  stream: MAIN_STREAM,
  payload: encodeU32s(...numbers),
});

/** A sink that keeps its data. */
function recorder() {
  let text = "";
  return {
    get text() {
      return text;
    },
    sink: (data: Uint8Array) => {
      text += new TextDecoder().decode(data);
      return Promise.resolve();
    },
  };
}

Deno.test("Attachment writes each stream to its sink and returns how the command ended", async () => {
  const [stdout, stderr] = [recorder(), recorder()];
  await withRunner({ stdout: stdout.sink, stderr: stderr.sink }, async (attachment, runner) => {
    const finished = attachment.finish();
    await say(runner, MSG.STARTED, encodeU32s(1));
    await attachment.started;
    await say(runner, MSG.STDOUT, new TextEncoder().encode("out"));
    await say(runner, MSG.STDERR, new TextEncoder().encode("err"));
    for (const type of [MSG.STDOUT, MSG.STDERR]) await say(runner, type);
    await say(runner, MSG.EXITED, encodeExited({ signal: 9 }));
    assert.deepEqual(await finished, { signal: 9 });
  });
  assert.deepEqual([stdout.text, stderr.text], ["out", "err"]);
});

Deno.test("Attachment gives credit for half a window of output after writing it, and waits for the writes at the end", async () => {
  const write = Promise.withResolvers<void>();
  await withRunner({ stderr: () => write.promise }, async (attachment, runner) => {
    let ended = false;
    const finished = attachment.finish().finally(() => ended = true);
    await say(runner, MSG.STDERR, new Uint8Array(100));
    const half = STREAM_WINDOW / 2;
    for (const bytes of [7, 10_000, 10_000, half - 20_008, 1]) await say(runner, MSG.STDOUT, new Uint8Array(bytes));
    // The slow stream delays neither the other one nor its credit.
    assert.deepEqual(await runner.next(), message(MSG.CREDIT, CHANNEL.STDOUT, half));
    await say(runner, MSG.EXITED, encodeExited({ code: 3 }));
    await pause(10);
    assert.equal(ended, false, "output was not written yet");
    write.resolve();
    assert.deepEqual(await finished, { code: 3 });
  });
});

Deno.test("Attachment sends input after STARTED, within its window", async () => {
  const CHUNK = 10_000;
  async function* input() {
    for (let index = 0; index < 10; index++) {
      yield await Promise.resolve(new Uint8Array(CHUNK).fill(index));
      yield new Uint8Array(); // not the end of the input
    }
  }
  await withRunner({ stdin: input() }, async (attachment, runner) => {
    const finished = attachment.finish();
    attachment.signal(1);
    assert.deepEqual(await runner.next(), message(MSG.SIGNAL, 1), "input came before the command ran");
    await say(runner, MSG.STARTED, encodeU32s(1));

    const piece = (index: number, length: number) => ({
      type: MSG.STDIN,
      stream: MAIN_STREAM,
      payload: new Uint8Array(length).fill(index),
    });
    const fits = Math.floor(STREAM_WINDOW / CHUNK);
    for (let index = 0; index < fits; index++) assert.deepEqual(await runner.next(), piece(index, CHUNK));
    const first = STREAM_WINDOW % CHUNK;
    assert.deepEqual(await runner.next(), piece(fits, first));
    await pause(10);
    attachment.signal(2);
    assert.deepEqual(await runner.next(), message(MSG.SIGNAL, 2), "input came without a window for it");
    await say(runner, MSG.STDIN_CREDIT, encodeU32s(1));
    assert.deepEqual(await runner.next(), piece(fits, 1));

    await say(runner, MSG.STDIN_CREDIT, encodeU32s(10 * CHUNK));
    assert.deepEqual(await runner.next(), piece(fits, CHUNK - first - 1));
    for (let index = fits + 1; index < 10; index++) assert.deepEqual(await runner.next(), piece(index, CHUNK));
    assert.deepEqual(await runner.next(), message(MSG.STDIN), "an empty chunk is the end of the input");
    await say(runner, MSG.EXITED, encodeExited({ code: 0 }));
    await finished;
  });
});

Deno.test("Attachment ends an input that fails", async () => {
  async function* input() {
    yield await Promise.resolve(new Uint8Array([1]));
    throw new Error("Input/output error");
  }
  await withRunner({ stdin: input() }, async (attachment, runner) => {
    const finished = attachment.finish();
    await say(runner, MSG.STARTED, encodeU32s(1));
    assert.deepEqual((await runner.next())?.payload, new Uint8Array([1]));
    assert.deepEqual(await runner.next(), message(MSG.STDIN));
    await say(runner, MSG.EXITED, encodeExited({ code: 0 }));
    await finished;
  });
});

Deno.test("Attachment sends the command SIGPIPE when its sink fails, and continues", async () => {
  const broken = () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe"));
  await withRunner({ stdout: broken }, async (attachment, runner) => {
    const finished = attachment.finish();
    for (let sent = 0; sent < 3; sent++) await say(runner, MSG.STDOUT, new Uint8Array(16_000));
    assert.deepEqual(await runner.next(), message(MSG.SIGNAL, 13));
    assert.deepEqual(await runner.next(), message(MSG.CREDIT, CHANNEL.STDOUT, 48_000), "a second signal");
    await say(runner, MSG.EXITED, encodeExited({ signal: 13 }));
    assert.deepEqual(await finished, { signal: 13 });
  });
});

Deno.test("Attachment passes on the size of the terminal", () =>
  withRunner({}, async (attachment, runner) => {
    attachment.resize({ rows: 24, columns: 80 });
    assert.deepEqual(await runner.next(), message(MSG.RESIZE, 24, 80));
    const finished = attachment.finish();
    await say(runner, MSG.EXITED, encodeExited({ code: 0 }));
    await finished;
  }));

Deno.test("Attachment reports why the command could not be started", () =>
  withRunner({}, async (attachment, runner) => {
    const finished = attachment.finish();
    await say(runner, MSG.FAILED, encodeFailure({ errno: 2, stage: STAGE.EXEC, text: "nope" }));
    await assert.rejects(finished, { code: "not-found", message: /^Cannot find "nope" in the guest/ });
  }));

Deno.test("Attachment returns undefined when the machine is gone, however its connection ended", async () => {
  await withRunner({}, async (attachment, runner) => {
    await say(runner, MSG.STDOUT, new Uint8Array(1));
    runner[Symbol.dispose]();
    assert.equal(await attachment.finish(), undefined);
  });
  await withRunner({}, async (attachment, runner) => {
    // Closing a connection with unread data resets it.
    attachment.signal(1);
    await pause(10);
    runner[Symbol.dispose]();
    assert.equal(await attachment.finish(), undefined);
  });
});

Deno.test("Attachment buffers at most the windows of its streams, and reports a runner that exceeds them", async () => {
  const broken = (what: string) => ({ code: "guest", message: `The machine's process broke the protocol: ${what}` });
  const chunk = new Uint8Array(16_000);
  const stalled = Promise.withResolvers<void>();
  const breaches: [frames: [type: number, payload?: Uint8Array][], what: string][] = [
    [Array.from({ length: 5 }, () => [MSG.STDOUT, chunk]), "80000 bytes of a stream without credit"],
    [[[MSG.STDERR], [MSG.STDERR]], "data after the end of a stream"],
    [[[MSG.STARTED, encodeU32s(1)], [MSG.STARTED, encodeU32s(1)]], "a command started twice"],
  ];
  for (const [frames, what] of breaches) {
    await withRunner({ stdout: () => stalled.promise }, async (attachment, runner) => {
      const finished = assert.rejects(attachment.finish(), broken(what));
      for (const [type, payload] of frames) await say(runner, type, payload);
      await finished;
    });
  }
  stalled.resolve();
});

Deno.test("Attachment.open() fails when no runner listens", async () => {
  using folder = makeTempFolder();
  const io = { stdin: undefined, stdout: () => Promise.resolve(), stderr: () => Promise.resolve() };
  await assert.rejects(Attachment.open(`${folder.path}/none`, io), Deno.errors.NotFound);
});
