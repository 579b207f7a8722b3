/** The input, output, signals and terminal of a command of `run`. */
import assert from "node:assert/strict";
import { libFolder } from "../../src/host/lib_folder.ts";
import { jailProgram } from "../../src/jail/prefix.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { runnersOf, untilListening } from "../helpers/inventory.ts";
import { onTerminal } from "../helpers/terminal.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, start, rootfs, env } = suite;

const MIB = 1024 * 1024;

/** Returns random bytes. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const most = 65_536; // the limit of one call
  for (let at = 0; at < length; at += most) crypto.getRandomValues(bytes.subarray(at, at + most));
  return bytes;
}

/** Reads the next `length` bytes, or fewer if the stream ends, which happens only when the program exits. */
async function readBytes(stream: ReadableStream<Uint8Array>, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for await (const chunk of stream) {
    bytes.set(chunk, at);
    at += chunk.length;
    if (at === length) break;
  }
  return bytes.subarray(0, at);
}

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}

test("run -i carries 2 MiB of binary input to the command and 2 MiB of its output back", async () => {
  const input = noise(2 * MIB);
  const outcome = await smolvm(["run", "-i", rootfs, "sh", "-c", "tee /tmp/copy; sha256sum </tmp/copy >&2"], { input });
  assertCode(outcome, 0);
  assert.equal(outcome.stderr, `${await sha256(input)}  -\n`);
  assert.equal(await sha256(outcome.bytes), await sha256(input));
});

for (const [first, second] of [["stdout", "stderr"], ["stderr", "stdout"]] as const) {
  test(`run streams 2 MiB of each output to a reader that takes all of ${first} before any of ${second}`, async () => {
    const folder = await suite.makeFolder(`outputs-${first}`);
    const data = { stdout: noise(2 * MIB), stderr: noise(2 * MIB) };
    await Deno.writeFile(`${folder}/stdout`, data.stdout);
    await Deno.writeFile(`${folder}/stderr`, data.stderr);
    const script = "cat /v/stdout & cat /v/stderr >&2; wait";
    const child = new Deno.Command(SMOLVM, {
      args: ["run", "--volume", `${folder}:/v:ro`, rootfs, "sh", "-c", script],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const deadline = setTimeout(() => child.kill("SIGKILL"), 180_000);
    for (const stream of [first, second]) {
      const received = await readBytes(child[stream], 2 * MIB);
      assert.equal(await sha256(received), await sha256(data[stream]), stream);
    }
    assert.equal((await child.status).code, 0);
    clearTimeout(deadline);
  });
}

test("run without -i leaves its input alone", async () => {
  const outcome = await runProcess("sh", {
    args: ["-c", `"$0" "$@" && cat`, SMOLVM, "run", rootfs, "sh", "-c", "wc -c"],
    env,
    input: "for the next program",
  });
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "0\nfor the next program");
});

test("run exits when the reader of its output has closed the pipe", async () => {
  const pipeline = `"$0" run --init "$1" yes | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const outcome = await runProcess("bash", { args: ["-c", pipeline, SMOLVM, rootfs], env });
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "y\n141\n", "128 and the number of SIGPIPE");
  assert.equal(outcome.stderr, "");
});

test("run passes on input, output and signals at once, and exits at the third INT or TERM", async () => {
  const signals = ["HUP", "USR1", "USR2", "INT", "TERM"] as const;
  const traps = signals.map((signal) => `trap 'echo got ${signal}' ${signal}`).join("\n");
  const script = `${traps}\nread line; echo "read $line"\nwhile :; do sleep 1000 & wait $!; done`;
  await using machine = start(["run", "-i", rootfs, "sh", "-c", script]);
  await machine.write("a line\n");
  await machine.untilStdout(/read a line\n/);
  for (const signal of signals) {
    machine.kill(`SIG${signal}`);
    await machine.untilStdout(new RegExp(`got ${signal}\n`));
  }
  machine.kill("SIGINT");
  assertCode(await machine.outcome, 130);
});

test("run --init lets TERM end a command that does not handle it", async () => {
  await using machine = start(["run", "--init", rootfs, "sh", "-c", "echo ready; exec sleep 1000"]);
  await machine.untilStdout(/ready\n/);
  machine.kill("SIGTERM");
  assertCode(await machine.outcome, 143);
});

test("run exits at INT before the machine has booted", async () => {
  await using machine = start(["run", rootfs, "sleep", "1000"]);
  await untilListening(suite);
  machine.kill("SIGINT");
  assertCode(await machine.outcome, 130);
}, { settlesWithinMs: 2000 });

test("run -it gives the command a terminal with size, resize, Ctrl-C and Ctrl-D, and restores the user's", async () => {
  const guest = 'tty; echo $TERM; stty size; trap "stty size" WINCH; echo ready; sleep 1000 & wait $!; exec sh';
  await using terminal = onTerminal(suite, `"$SMOLVM" run -q -it "$ROOTFS" sh -c '${guest}'; echo "code $?"`);
  const [, device] = await terminal.untilStdout(/^(\/dev\/pts\/\d+)\r\n/);
  await terminal.untilStdout(/^\/dev\/pts\/0\r\nxterm\r\n31 97\r\nready\r\n/);

  assertCode(await runProcess("stty", { args: ["-F", device!, "rows", "40", "cols", "120"] }), 0);
  await terminal.untilStdout(/^40 120\r\n/);

  // The terminal echoes what is typed: the quotes distinguish the echo from the output.
  // The inner shell owns the terminal when it prints.
  await terminal.write("sh -c 'echo beg\"\"un; exec sleep 1000'\n");
  await terminal.untilStdout(/begun\r\n/);
  await terminal.write("\x03");
  await terminal.write("echo inter''rupted $?\n");
  // Ctrl-D must come when the shell is at its prompt and reads single keys: an earlier Ctrl-D may be lost.
  await terminal.untilStdout(/interrupted 130\r\n\/ # /);
  await terminal.write("(exit 5)\n");
  await terminal.untilStdout(/\(exit 5\)\r\n\/ # /);
  await terminal.write("\x04");
  await terminal.untilStdout(/code 5\r\nrestored\r\n/);
  assertCode(await terminal.finish(), 0);
});

test("run -it with stdout in a pipe writes the command's terminal output there, and reads the keys", async () => {
  const guest = "tty; stty size; read line; echo got $line";
  await using terminal = onTerminal(suite, `"$SMOLVM" run -q -it "$ROOTFS" sh -c '${guest}' | tr a-z A-Z`);
  await terminal.untilStdout(/\/DEV\/PTS\/0\r\n31 97\r\n/);
  await terminal.write("key\r");
  await terminal.untilStdout(/GOT KEY\r\n(.*\r\n)*restored\r\n/);
  assertCode(await terminal.finish(), 0);
});

test("run -t works without a terminal on the host, and gives the command one of 80 columns", async () => {
  const outcome = await smolvm(["run", "-t", rootfs, "sh", "-c", "tty; stty size"]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "/dev/pts/0\r\n24 80\r\n");
});

test("run shows on a terminal that a slow machine boots, and then erases that", async () => {
  const lib = await suite.makeFolder("slow");
  const jail = jailProgram();
  for (const { name } of Deno.readDirSync(libFolder())) await Deno.symlink(`${libFolder()}/${name}`, `${lib}/${name}`);
  const slowJail = `${lib}/${jail.slice(jail.lastIndexOf("/") + 1)}`;
  await Deno.remove(slowJail);
  await Deno.writeTextFile(slowJail, `#!/bin/sh\nsleep 3\nexec '${jail}' "$@"\n`, { mode: 0o755 });
  const slow = { env: { ...env, SMOLVM_LIB: lib }, rootfs };
  const detached = '"$SMOLVM" run -d --name job "$ROOTFS" true && "$SMOLVM" rm -f job';
  await using terminal = onTerminal(slow, `"$SMOLVM" run "$ROOTFS" echo booted; ${detached}`);
  const { stdout } = await terminal.finish();
  const [, ...lines] = stdout.replaceAll("\r\x1b[K", "<erase>").split("\r\n");
  const booting = `<erase>Booting ${rootfs}\u{2026}<erase>`;
  assert.deepEqual(lines, [`${booting}booted`, `${booting}job`, "Deleted VM: job", "restored", ""]);
});

test("run -it restores the terminal when the VM's process is killed", async () => {
  const run = `"$SMOLVM" run -it "$ROOTFS" sh -c 'echo ready; exec sleep 1000'`;
  await using terminal = onTerminal(suite, `${run}; echo "code $?"`);
  await terminal.untilStdout(/ready\r\n/);
  for (const pid of runnersOf(suite)) Deno.kill(pid, "SIGKILL");
  await terminal.untilStdout(/smolvm: .*code 125\r\nrestored\r\n/s);
  assertCode(await terminal.finish(), 0);
});

test("run -t without -i does not read keys, and the terminal's Ctrl-C interrupts the command", async () => {
  const run = `"$SMOLVM" run -t --init "$ROOTFS" sh -c 'echo ready; exec sleep 1000'`;
  await using terminal = onTerminal(suite, `trap : INT; ${run}; echo "code $?"`);
  await terminal.untilStdout(/ready/);
  await terminal.write("\x03");
  await terminal.untilStdout(/code 130\r\nrestored\r\n/);
  assertCode(await terminal.finish(), 0);
});
