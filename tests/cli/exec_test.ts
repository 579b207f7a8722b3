// Commands on a running machine refuse machines that do not run.
import assert from "node:assert/strict";
import { makeCli } from "../helpers/cli.ts";
import { takeInventory } from "../helpers/inventory.ts";
import { assertCode } from "../helpers/process.ts";

const COMMANDS: [args: string[], code: number][] = [
  [["exec", "web", "true"], 125],
  [["exec", "-d", "web", "true"], 125],
  [["shell", "web"], 125],
  [["attach", "web"], 125],
  [["cp", "root", "web:/"], 1],
  [["cp", "web:/etc", "copy"], 1],
  [["cp", "-", "web:/"], 1],
  [["cp", "web:/etc", "-"], 1],
  [["kill", "web"], 1],
  [["kill", "-s", "HUP", "web"], 1],
];

Deno.test("commands on a running machine refuse one that does not run, and change nothing", async () => {
  using cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  assertCode(await cli.run(["create", "--name", "web", "root"]), 0);
  const before = await takeInventory(cli);
  for (const [args, code] of COMMANDS) {
    assert.deepEqual(pick(await cli.run(args)), {
      code,
      stdout: "",
      stderr: 'smolvm: Machine "web" is not running: it is created\nStart it: smolvm start web\n',
    }, args.join(" "));
  }
  assert.deepEqual(await takeInventory(cli), before);
});

Deno.test("commands on a machine say that it does not exist", async () => {
  using cli = makeCli();
  const others: typeof COMMANDS = [[["wait", "web"], 1], [["restart", "web"], 1]];
  for (const [args, code] of [...COMMANDS, ...others]) {
    const { code: actual, stderr } = await cli.run(args);
    assert.deepEqual([actual, stderr], [code, 'smolvm: No such machine: "web"\n'], args.join(" "));
  }
});

Deno.test("commands on a running machine refuse options that cannot be honoured", async () => {
  using cli = makeCli();
  const refused: [args: string[], message: RegExp][] = [
    [["exec", "web"], /^smolvm: Missing required argument 'command'\n/],
    [["exec", "-it", "web", "sh"], /^smolvm: Cannot use --tty with --interactive: standard input is not a terminal\n/],
    [["exec", "-id", "web", "sh"], /^smolvm: Cannot use --interactive with --detach\n$/],
    [["exec", "-w", "relative", "web", "sh"], /^smolvm: Option '-w.*Expected an absolute path in the guest\.\n/],
    [
      ["attach", "--detach-keys", "ctrl-1", "web"],
      /^smolvm: Option '--detach-keys.*Expected keys such as ctrl-p,ctrl-q/,
    ],
    [["attach", "--sig-proxy", "maybe", "web"], /^smolvm: Option '--sig-proxy.*Expected true or false\.\n/],
    [["cp", "web:/etc"], /^smolvm: Missing required argument 'dst'\n/],
    [["cp", "./a:b", "c"], /^smolvm: Cannot copy ".\/a:b" to "c": neither is in a machine\n.* NAME:PATH\.\n$/],
    [["cp", "-", "c"], /^smolvm: Cannot copy "-" to "c": neither is in a machine\n/],
    [["cp", "web:/a", "db:/b"], /^smolvm: Cannot copy from machine to machine\nCopy to this host first\.\n$/],
    [["kill", "-s", "NONE", "web"], /^smolvm: Option '-s, --signal.*Expected a signal such as HUP/],
  ];
  for (const [args, message] of refused) {
    const { code, stdout, stderr } = await cli.run(args);
    assert.deepEqual([code, stdout], [125, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

Deno.test("wait prints the exit code of a stopped machine's last run immediately", async () => {
  using cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  assertCode(await cli.run(["create", "--name", "web", "root"]), 0);
  assert.deepEqual(pick(await cli.run(["wait", "web"])), { code: 0, stdout: "0\n", stderr: "" });
});

function pick({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) {
  return { code, stdout, stderr };
}
