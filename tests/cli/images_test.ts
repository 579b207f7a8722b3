// Images, as far as they go without buildah: what is refused before it is asked, and changes nothing.
import assert from "node:assert/strict";
import { assertNothingLeft, makeCli } from "../helpers/cli.ts";

/** The command lines, the exit code and the first line of what they say. */
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

Deno.test("smolvm refuses what it cannot do with images, and changes nothing", async () => {
  using cli = makeCli();
  for (const [args, expected, message] of REFUSALS) {
    const { code, stdout, stderr } = await cli.run(args);
    assert.deepEqual([code, stdout, stderr.split("\n")[0]], [expected, "", `smolvm: ${message}`], args.join(" "));
  }
  await assertNothingLeft(cli);
});

Deno.test("smolvm says that images need buildah, and machines do not", async () => {
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
