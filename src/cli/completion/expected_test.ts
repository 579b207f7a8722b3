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

/** What belongs at the end of that line, in short: its last word is the one at the cursor. */
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

Deno.test("expectedAt() knows commands, their subcommands and what `help` takes", () => {
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

Deno.test("expectedAt() knows arguments, the last of which may repeat", () => {
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

Deno.test("expectedAt() knows options, those of the command at hand alone, and not after `--`", () => {
  assertExpected({ "-": "option of program", "stop -": "option of stop", "stop a --f": "option of stop" });
  assertExpected({ "stop -- -": "name", "config -": "option of config" });
});

Deno.test("expectedAt() knows the values of options, in words of their own or not", () => {
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

Deno.test("expectedAt() leaves the options of the guest's command alone", () => {
  assertExpected({ "run alpine ls -": "command alpine ls", "run -i alpine -": "command alpine" });
});
