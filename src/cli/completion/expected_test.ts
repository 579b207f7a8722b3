import assert from "node:assert/strict";
import { Command } from "@commander-js/extra-typings";
import { expectedAt } from "./expected.ts";
import { argument } from "./kind.ts";

const PROGRAM = new Command("program").option("-q, --quiet").option("--level <level>");
PROGRAM.command("run")
  .option("-i, --interactive")
  .option("-t, --tty")
  .option("-m, --memory <size>")
  .argument("<source>")
  .addArgument(argument("guest command", "[command...]"));
PROGRAM.command("stop").alias("end").option("-f, --force").argument("<name...>");
PROGRAM.command("config").command("get").argument("<key>");

/** Describes what is expected at the last word of a line, which is the word at the cursor. */
function expected(line: string): string {
  const words = line.split(" ");
  const found = expectedAt(PROGRAM, words.slice(0, -1), words.at(-1)!);
  switch (found.kind) {
    case "command":
    case "option":
      return `${found.kind} of ${found.command.name()}`;
    case "argument":
      return [found.argument.name(), ...found.before].join(" ");
    case "value":
      return `${found.prefix}${found.option.long}`;
    case "nothing":
      return "nothing";
  }
}

function assertExpected(cases: Record<string, string>): void {
  for (const [line, what] of Object.entries(cases)) assert.equal(expected(line), what, `"${line}"`);
}

Deno.test("expectedAt() handles commands, subcommands and `help`", () => {
  assertExpected({
    "": "command of program",
    "ru": "command of program",
    "-q ": "command of program",
    "config ": "command of config",
    "help ": "command of program",
    "help config ": "command of config",
    "wrong ": "nothing",
  });
});

Deno.test("expectedAt() handles arguments, the last of which may repeat", () => {
  assertExpected({
    "run ": "source",
    "stop ": "name",
    "end web d": "name web",
    "stop -f web ": "name web",
    "stop -- -f ": "name -f",
    "config get ": "key",
    "config get a ": "nothing",
  });
});

Deno.test("expectedAt() handles options of the current command only, and not after `--`", () => {
  assertExpected({ "-": "option of program", "stop -": "option of stop", "stop a --f": "option of stop" });
  assertExpected({ "stop -- -": "name", "config -": "option of config" });
});

Deno.test("expectedAt() handles option values, in the same word or the next", () => {
  assertExpected({
    "--level ": "--level",
    "run --memory ": "--memory",
    "run --memory=": "--memory=--memory",
    "run -m ": "--memory",
    "run -itm ": "--memory",
    "run -m1g ": "source",
    "run -it ": "source",
    "run --memory 1g ": "source",
    "run --memory=1g ": "source",
    "run --tty=": "nothing",
    "run --wrong ": "source",
  });
});

Deno.test("expectedAt() ignores the options of the guest's command", () => {
  assertExpected({ "run alpine ls -": "command alpine ls", "run -i alpine -": "command alpine" });
});
