// Image commands without buildah: refusals that need no buildah and change nothing.
import assert from "node:assert/strict";
import { assertNothingLeft, makeCli } from "../helpers/cli.ts";
import { onTerminal } from "../helpers/terminal.ts";

/** The command line, the exit code and the first line of the message. */
const REFUSALS: [args: string[], code: number, message: string][] = [
  [["pull"], 125, "Missing required argument 'image'"],
  [["pull", "alpine", "Bad!"], 125, 'Cannot use "Bad!" as an image reference: "Bad!" is not part of an image\'s name'],
  [["pull", "./root"], 125, 'Cannot use "./root" as an image reference: "." is not the address of a registry'],
  [["pull", "--tls-verify", "no", "alpine"], 125, badOption("--tls-verify <bool>", "no", "Expected true or false.")],
  [["images", "alpine"], 125, "Too many arguments for 'images'. Expected 0 arguments but got 1: alpine."],
  [["images", "--format", "xml"], 125, badOption("--format <format>", "xml", "Allowed choices are table, json.")],
  [["rmi"], 125, "Missing required argument 'image'"],
  [["inspect"], 125, "Missing required argument 'name'"],
  [
    ["inspect", "--type", "disk", "web"],
    125,
    badOption("--type <type>", "disk", "Allowed choices are machine, image."),
  ],
  [["prune", "web"], 125, "Too many arguments for 'prune'. Expected 0 arguments but got 1: web."],
  [["prune"], 125, "Cannot ask whether to prune: standard input is not a terminal"],
  [["system", "du"], 125, "Unknown command 'du'"],
];

function badOption(option: string, value: string, reason: string): string {
  return `Option '${option}' argument '${value}' is invalid. ${reason}`;
}

Deno.test("smolvm refuses invalid image commands, and changes nothing", async () => {
  using cli = makeCli();
  for (const [args, expected, message] of REFUSALS) {
    const { code, stdout, stderr } = await cli.run(args);
    assert.deepEqual([code, stdout, stderr.split("\n")[0]], [expected, "", `smolvm: ${message}`], args.join(" "));
  }
  await assertNothingLeft(cli);
});

Deno.test("smolvm reports that images need buildah, and runs machines without it", async () => {
  using cli = makeCli();
  const env = { PATH: "/does/not/exist" };
  for (
    const args of [["images"], ["rmi", "alpine"], ["prune", "--force"], ["system", "df"], [
      "inspect",
      "--type",
      "image",
      "web",
    ]]
  ) {
    const { code, stderr } = await cli.run(args, { env });
    assert.ok(code !== 0, args.join(" "));
    assert.match(stderr, /^smolvm: Cannot find buildah, which images need\n/);
  }
  for (const [type, what] of [[[], "machine or image"], [["--type", "machine"], "machine"]] as const) {
    const { code, stdout, stderr } = await cli.run(["inspect", ...type, "web"], { env });
    const expected = { code: 1, stdout: "[]\n", stderr: `smolvm: No such ${what}: "web"\n` };
    assert.deepEqual({ code, stdout, stderr }, expected);
  }
  await assertNothingLeft(cli);
});

Deno.test("smolvm rmi -f reports a missing image, and does not fail", async () => {
  using cli = makeCli();
  for (const [options, code] of [[[], 1], [["-f"], 0]] as const) {
    const outcome = await cli.run(["rmi", ...options, "nope", "nope"]);
    const expected = { code, stdout: "", stderr: 'smolvm: No such image: "nope"\n' };
    assert.deepEqual({ code: outcome.code, stdout: outcome.stdout, stderr: outcome.stderr }, expected);
  }
});

Deno.test("smolvm prune removes nothing and fails when the answer is no", async () => {
  using cli = makeCli();
  const remains = `${cli.state}/smolvm/machines/.gone-0123456789ab`;
  await Deno.mkdir(remains, { recursive: true });
  const env = {
    HOME: cli.folder,
    XDG_STATE_HOME: cli.state,
    XDG_RUNTIME_DIR: cli.runtime,
    SMOLVM_STORAGE: cli.storage,
    NO_COLOR: "1",
  };
  const script = 'stty -echo; echo ready; "$SMOLVM" prune | cat; "$SMOLVM" prune; echo "code $?"; stty echo';
  await using terminal = onTerminal({ env, rootfs: "" }, script);
  await terminal.untilStdout(/ready\r\n/);
  await terminal.write("\nnope\n");
  const { stdout } = await terminal.finish();
  const asked = [
    "  remains of killed machines: 1",
    "Remove all of this? [y/N] smolvm: Nothing was removed: the answer was not yes",
  ];
  assert.deepEqual(stdout.split("ready\r\n")[1]?.split("\r\n"), [...asked, ...asked, "code 1", "restored", ""]);
  assert.ok(Deno.statSync(remains).isDirectory);
});
