// The command line's side of a session with a command, in a machine that is only a control socket.
import assert from "node:assert/strict";
import { acquireLock } from "../../src/host/lock.ts";
import { MSG, STAGE } from "../../src/protocol/constants.ts";
import { CLIENT_STREAM, CONTROL } from "../../src/protocol/control.ts";
import { encodeFrame } from "../../src/protocol/frame.ts";
import { decodeU32, encodeExited, encodeFailure, encodeU32s, type ExitStatus } from "../../src/protocol/messages.ts";
import { CREATED, writeStatus } from "../../src/state/status.ts";
import { machineLock } from "../../src/state/machine_folders.ts";
import { type Cli, makeCli } from "../helpers/cli.ts";
import { FramePeer } from "../helpers/frame_peer.ts";
import { assertCode } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";

/** Runs a test with a machine `web` that appears to run; `accept` returns the next client of its runner. */
async function withRunner(test: (cli: Cli, accept: () => Promise<Client>) => Promise<void>): Promise<void> {
  using cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  assertCode(await cli.run(["create", "--name", "web", "root"]), 0);
  const [{ folder, runtimeFolder }] = JSON.parse((await cli.run(["inspect", "web"])).stdout);
  using _ = await acquireLock(machineLock(folder), { exclusive: true, wait: true });
  await writeStatus(folder, { ...CREATED, state: "running" });
  Deno.mkdirSync(runtimeFolder, { recursive: true, mode: 0o700 });
  using listener = Deno.listen({ transport: "unix", path: `${runtimeFolder}/control.sock` });
  const peers = new DisposableStack();
  using __ = peers;
  await test(cli, async () => {
    const client = new Client(peers.use(new FramePeer(await listener.accept())));
    assert.equal((await client.peer.next())?.type, CONTROL.EXEC);
    return client;
  });
}

/** The runner's view of a command line. */
class Client {
  constructor(readonly peer: FramePeer) {}

  async send(type: number, payload: string | Uint8Array = ""): Promise<void> {
    await this.peer.send(
      type,
      CLIENT_STREAM,
      typeof payload === "string" ? new TextEncoder().encode(payload) : payload,
    );
  }

  /** The payload of the next frame of this type. */
  async next(type: number): Promise<Uint8Array> {
    for (let frame = await this.peer.next(); frame; frame = await this.peer.next()) {
      if (frame.type === type) return frame.payload;
    }
    throw new Error(`The client went without a frame of type ${type}`);
  }

  async end(status: ExitStatus): Promise<void> {
    await this.send(MSG.EXITED, encodeExited(status));
  }
}

Deno.test("smolvm exec connects the command's input and outputs, and returns its exit code", () =>
  withRunner(async (cli, accept) => {
    await using exec = cli.start(["exec", "-i", "web", "cat"]);
    const client = await accept();
    await client.send(MSG.STARTED);
    await exec.write("in");
    assert.equal(new TextDecoder().decode(await client.next(MSG.STDIN)), "in");
    await exec.end();
    assert.equal((await client.next(MSG.STDIN)).length, 0);
    await client.send(MSG.STDOUT, "out");
    await client.send(MSG.STDERR, "err");
    await client.end({ code: 7 });
    const { code, stdout, stderr } = await exec.outcome;
    assert.deepEqual([code, stdout, stderr], [7, "out", "err"]);
  }));

Deno.test("smolvm exec passes on signals, and returns the exit code of the one that ended the command", () =>
  withRunner(async (cli, accept) => {
    await using exec = cli.start(["exec", "web", "sleep"]);
    const client = await accept();
    await client.send(MSG.STARTED);
    await client.send(MSG.STDOUT, "runs");
    await exec.untilStdout(/runs/);
    for (const [signal, number] of [["SIGUSR1", 10], ["SIGTERM", 15]] as const) {
      exec.kill(signal);
      assert.equal(decodeU32(await client.next(MSG.SIGNAL)), number);
    }
    await client.end({ signal: 15 });
    assert.equal((await exec.outcome).code, 143);
  }));

Deno.test("smolvm exec ends on a repeated signal, and on a signal before the command runs", () =>
  withRunner(async (cli, accept) => {
    await using stubborn = cli.start(["exec", "web", "sleep"]);
    const client = await accept();
    await client.send(MSG.STARTED);
    await client.send(MSG.STDOUT, "runs");
    await stubborn.untilStdout(/runs/);
    for (let count = 1; count <= 3; count++) {
      stubborn.kill("SIGINT");
      if (count < 3) assert.equal(decodeU32(await client.next(MSG.SIGNAL)), 2);
    }
    assert.equal((await stubborn.outcome).code, 130);

    await using early = cli.start(["exec", "web", "sleep"]);
    const silent = await accept();
    early.kill("SIGTERM");
    assert.equal((await early.outcome).code, 143);
    assert.equal(await silent.peer.next(), undefined);
  }));

Deno.test("smolvm exec reports why a command could not be started", () =>
  withRunner(async (cli, accept) => {
    await using exec = cli.start(["exec", "web", "none"]);
    const client = await accept();
    await client.send(MSG.FAILED, encodeFailure({ errno: 2, stage: STAGE.EXEC, text: "none" }));
    const { code, stdout, stderr } = await exec.outcome;
    const message = 'smolvm: Cannot find "none" in the guest: No such file or directory (ENOENT)\n';
    assert.deepEqual([code, stdout, stderr], [127, "", message]);
  }));

Deno.test("smolvm exec -t sets up the terminal before the command's first byte, and restores it", () =>
  withRunner(async (cli, accept) => {
    const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state, XDG_RUNTIME_DIR: cli.runtime };
    await using terminal = onTerminal({ env, rootfs: "" }, '"$SMOLVM" exec -it web sh; echo "code $?"');
    const client = await accept();
    const output = new TextEncoder().encode("first\nsecond\n");
    const frames = [encodeFrame(MSG.STARTED, CLIENT_STREAM), encodeFrame(MSG.STDOUT, CLIENT_STREAM, output)];
    await client.peer.write(await new Blob(frames).bytes());
    await terminal.untilStdout(/first\nsecond\n/);
    assert.deepEqual(await client.next(MSG.RESIZE), encodeU32s(31, 97));
    await terminal.write("\x03");
    assert.deepEqual(await client.next(MSG.STDIN), new Uint8Array([3]));
    await client.end({ code: 5 });
    await terminal.untilStdout(/code 5\r\nrestored\r\n/);
  }));

Deno.test(
  "smolvm exec reports a failed write of its output and fails",
  { ignore: Deno.build.os !== "linux" },
  () =>
    withRunner(async (cli, accept) => {
      for (const [stream, name] of [["STDOUT", "output"], ["STDERR", "error"]] as const) {
        const redirection = name === "output" ? ">/dev/full" : "2>/dev/full";
        await using exec = cli.shell(`"$0" exec web echo hi ${redirection}`);
        const client = await accept();
        await client.send(MSG.STARTED);
        await client.send(MSG[stream], "hi\n");
        // Like a command that does not notice.
        await client.end({ code: 0 }).catch(() => {});
        const { code, stderr } = await exec.outcome;
        const said = "smolvm: Cannot write to standard output: No space left on device\n";
        assert.deepEqual([code, stderr], [125, name === "output" ? said : ""]);
      }
    }),
);
