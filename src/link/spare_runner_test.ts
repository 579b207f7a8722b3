import assert from "node:assert/strict";
import { runProcess } from "../../tests/helpers/process.ts";
import { jailPrefix, jailProgram } from "../jail/prefix.ts";

const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;
const PREFIX = JSON.stringify(jailPrefix({ isJailed: true, keepsNetwork: false }));

/** Runs `smolvm-jail --ahead` with a script as its runner, and returns what the client that it becomes prints. */
async function client(runner: string, code: string, words = ["run", "x"]): Promise<unknown> {
  const module = new URL("./spare_runner.ts", import.meta.url);
  const script = `import { adoptSpareRunner, dismissSpareRunner, takeSpareRunner } from "${module}";
    adoptSpareRunner();
    ${code}`;
  const args = ["--ahead", "sh", "-c", runner, "--", Deno.execPath(), "eval", "--no-check", script, "--", ...words];
  const { stdout, stderr } = await runProcess(jailProgram(), { args });
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

/** A client's code that takes the runner, runs `act`, and prints the runner's report, exit status and messages. */
const take = (act: string) =>
  `const link = await takeSpareRunner(${PREFIX});
  await link.send("line\\n");
  const report = await link.readReport();
  ${act};
  console.log(JSON.stringify([report ?? null, await link.exited, await link.readStderr()]));`;

Deno.test({
  name: "takeSpareRunner() takes the spare runner; its link reports the exit status and the last messages",
  ignore,
  async fn() {
    const [ready, killed] = ['exec 3>&-; read line; echo "{$line}"', { code: 137, signal: "SIGKILL" }];
    const cases: [runner: string, act: string, expected: unknown][] = [
      [`${ready}; echo oh no >&2; exit 3`, "", ["{line}", { code: 3, signal: null }, "oh no\n"]],
      [`${ready}; kill -9 $$`, "", ["{line}", killed, ""]],
      ["exec 3>&-; read line; exit 0", "", [null, { code: 0, signal: null }, ""]],
      [`${ready}; exec sleep 600`, "await link.kill()", ["{line}", killed, ""]],
      [`${ready}; cat; echo end >&2`, "await link.release()", ["{line}", { code: 0, signal: null }, "end\n"]],
      // With the order to kill it once its client is gone.
      [
        `read line; printf 'e\\0' >&3; exec 3>&-; echo "{$line}"; exec sleep 600`,
        "await link.release()",
        ["{line}", killed, ""],
      ],
    ];
    for (const [runner, act, expected] of cases) assert.deepEqual(await client(runner, take(act)), expected, runner);
  },
});

Deno.test({
  name: "takeSpareRunner() takes no runner with another prefix, and returns undefined when there is none",
  ignore,
  async fn() {
    const look = `const link = await takeSpareRunner(${PREFIX});
      await dismissSpareRunner();
      console.log(JSON.stringify(link === undefined));
      Deno.exit(0);`;
    const lines = [
      ["run", "-p", "80:80"],
      ["run", "--publish=[::1]:80:80"],
      ["run", "--insecure-no-jail"],
      ["run", "--help"],
      ["run", "-f", "Smolfile", "x"],
      ["ps", "x"],
    ];
    for (const words of lines) assert.equal(await client("exec sleep 600", look, words), true, `${words}`);
    for (const words of [["run", "-p", "53:53/udp"], ["run", "x", "mkdir", "-p", "x"], ["start", "x"]]) {
      assert.equal(await client("exec sleep 600", look, words), false, `${words}`);
    }
    assert.equal(await client("exit 1", look), true);
  },
});
