import assert from "node:assert/strict";
import { Command } from "@commander-js/extra-typings";
import { addMachine, withMachines } from "../../../tests/helpers/machines.ts";
import { createNetwork } from "../../machine/networks.ts";
import { complete } from "./candidates.ts";
import { argument, type Kind, option } from "./kind.ts";

/** Returns the completions of `typed` as an argument of this kind, after other words. */
async function offered(kind: Kind, typed = "", ...before: string[]): Promise<[values: string[], files: boolean]> {
  const program = new Command("program");
  program.command("do").addArgument(argument(kind, "<what...>")).addOption(option(kind, "-o, --option <what>", ""));
  const { candidates, files } = await complete(program, ["do", ...before, typed]);
  return [candidates.map(({ value }) => value), files];
}

Deno.test("complete() offers the existing values of an argument's or option's kind", () =>
  withMachines(async () => {
    await addMachine({ name: "web" });
    await createNetwork("app");
    const cases: [kind: Kind, typed: string, values: string[], files: boolean][] = [
      ["machine", "", ["web"], false],
      ["idle machine", "w", ["web"], false],
      ["live machine", "", [], false],
      ["copy path", "", [], true],
      ["copy path", "web:", [], false],
      ["image", "", [], false],
      ["network", "a", ["app"], false],
      ["source", "", [], true],
      ["source", "localhost:5000/", [], true],
      ["file", "", [], true],
      ["file", "./site:", [], false],
      ["config key", "log_max_f", ["log_max_files"], false],
      ["boolean", "", ["true", "false"], false],
      ["log level", "t", ["trace"], false],
      ["signal", "USR", ["USR1", "USR2"], false],
      ["machine filter", "state=st", ["state=starting", "state=stopping", "state=stopped"], false],
      ["guest command", "", [], false],
    ];
    for (const [kind, typed, values, files] of cases) {
      const what = `${kind} "${typed}"`;
      assert.deepEqual(await offered(kind, typed), [values, files], what);
      assert.deepEqual(await offered(kind, typed, "-o"), [values, files], `-o ${what}`);
      const inWord = values.map((value) => `--option=${value}`);
      assert.deepEqual((await offered(kind, `--option=${typed}`))[0], inWord, `--option=${what}`);
    }
  }));

Deno.test("complete() does not offer an argument twice, and offers nothing without a kind", () =>
  withMachines(async () => {
    await addMachine({ name: "web" });
    assert.deepEqual(await offered("machine", "", "web"), [[], false]);
    const program = new Command("program");
    program.command("do").argument("<name>").option("--file <file>");
    for (const words of [["do", ""], ["do", "--file", ""]]) {
      assert.deepEqual(await complete(program, words), { candidates: [], files: false });
    }
  }));
