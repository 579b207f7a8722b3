// Checks the documentation of the command line against the command line.
import assert from "node:assert/strict";
import { makeProgram } from "../../src/cli/program.ts";
import { COMMANDS_DOC, commandsDoc, type Documented, documentedCommands } from "../../scripts/commands_doc.ts";
import { readSmolfile } from "../../src/config/smolfile.ts";
import { makeCli } from "../helpers/cli.ts";
import { setEnv } from "../helpers/env.ts";
import { fencedBlocks, invocations, typedLines, whyRefused } from "../helpers/examples.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";

const ROOT = new URL("../../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));
const DOCS = await Promise.all(
  [...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => Deno.readTextFile(new URL(`docs/${name}`, ROOT))),
);
const COMMANDS = documentedCommands(await makeProgram(() => {}));

/** The examples at the end of a command's help. */
function examplesOf({ help }: Documented): string[] {
  return (help.split("\nExamples:\n")[1] ?? "").split("\n").filter((line) => line !== "");
}

Deno.test("docs/commands.md is the output of scripts/commands_doc.ts", async () => {
  const written = await Deno.readTextFile(COMMANDS_DOC);
  assert.equal(written, commandsDoc(COMMANDS), "run: deno run -A scripts/commands_doc.ts");
});

Deno.test("docs/commands.md contains the output of --help", async () => {
  using cli = makeCli();
  const names = ["run", "list", "config", "config set"];
  for (const { name, help } of COMMANDS.filter(({ name }) => names.includes(name))) {
    const { code, stdout } = await cli.run([...name.split(" "), "--help"]);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `${help}\n` });
  }
});

Deno.test("README.md has the usage line and the description of every command", () => {
  const groups = Map.groupBy(COMMANDS.filter(({ isFamily }) => !isFamily), ({ group }) => group);
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length));
  const expected = [...groups.values()].map((commands) =>
    commands.map(({ usage, summary }) => `${usage.padEnd(width)}  ${summary}\n`).join("")
  );
  const blocks = fencedBlocks(README, "text").filter((text) => text.startsWith("smolvm "));
  assert.deepEqual(blocks, expected);
});

Deno.test("README.md has an example of every command", () => {
  const given = typedLines(README).flatMap(invocations).map((args) => args.join(" "));
  const missing = COMMANDS.filter(({ isFamily }) => !isFamily)
    .filter(({ name }) => !given.some((line) => line === name || line.startsWith(`${name} `)));
  assert.deepEqual(missing.map(({ name }) => name), []);
});

Deno.test("every command's help ends with examples", () => {
  for (const command of COMMANDS) {
    const given = examplesOf(command).flatMap(invocations).map((args) => args.join(" "));
    assert.ok(given.some((line) => `${line} `.startsWith(`${command.name} `)), command.name);
  }
});

Deno.test("every example of a command line in README.md, docs and help is valid", async () => {
  const lines = [...[README, ...DOCS].flatMap(typedLines), ...COMMANDS.flatMap(examplesOf)];
  const found = lines.flatMap(invocations);
  assert.ok(found.length > 100, `${found.length}`);
  const refused = await Promise.all(found.map(whyRefused));
  assert.deepEqual(refused.filter((reason) => reason !== undefined), []);
});

Deno.test("an example with an unknown command, option or value, or too few arguments is detected", async () => {
  const wrong = [
    "smolvm launch alpine",
    "smolvm run --cpu 2 alpine",
    "tar c x | smolvm stop --timeout soon web > y",
    'echo "$(smolvm rename web)"',
    "SMOLVM_LOG=debug smolvm logs --tail=x web # why",
  ];
  for (const line of wrong) {
    const [args] = invocations(line);
    assert.ok(await whyRefused(args!), line);
  }
  assert.equal(await whyRefused(invocations("smolvm run alpine ls --all | head; exit $?")[0]!), undefined);
});

Deno.test("README.md's Smolfile and configuration have every key, with valid values", async () => {
  const [smolfile, config] = fencedBlocks(README, "toml");
  using folder = makeTempFolder();
  await Deno.writeTextFile(`${folder.path}/Smolfile`, smolfile!);
  using _ = setEnv({ TOKEN: "x" });
  for (const [key, value] of Object.entries(await readSmolfile(`${folder.path}/Smolfile`))) {
    assert.ok(Array.isArray(value) ? value.length > 0 : value !== undefined, key);
  }
  using cli = makeCli();
  const { code, stdout } = await cli.run(["config", "show"], { config: config! });
  assert.equal(code, 0);
  const lines = (text: string) => text.trimEnd().split("\n").map((line) => line.replace(/ *#.*/, ""));
  assert.deepEqual(lines(stdout), lines(config!));
});

Deno.test("README.md lists every environment variable of smolvm", async () => {
  const table = [...README.matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].flatMap(([, names]) => names!.match(/\w+/g)!);
  const sources = await Promise.all([...filesBelow("src")].map((path) => Deno.readTextFile(new URL(path, ROOT))));
  const read = sources.flatMap((text) => text.match(/(?<=")(SMOLVM|XDG)_\w+(?=")/g) ?? []);
  // Internal variables of its processes, and buildah's.
  const own = new Set(read).difference(
    new Set([
      "SMOLVM_ROLE",
      "SMOLVM_SPARE",
      "SMOLVM_OCI_PROCESS",
      "SMOLVM_ROOTFS",
      "SMOLVM_FOLDER_GONE",
      "SMOLVM_SUCCEEDS_AT",
      "XDG_DATA_HOME",
    ]),
  );
  assert.deepEqual(own.difference(new Set(table)), new Set());
});

function* filesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* filesBelow(`${folder}/${name}`);
    else if (/(?<!_test)\.ts$/.test(name)) yield `${folder}/${name}`;
  }
}
