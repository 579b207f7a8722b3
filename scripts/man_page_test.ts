import assert from "node:assert/strict";
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { makeProgram } from "../src/cli/program.ts";
import { manPage } from "./man_page.ts";

const page = (program: CommandUnknownOpts) => manPage(program, { date: new Date(86_400_000), version: "1.2.3" });

/** A page without roff's escapes. */
function plain(program: CommandUnknownOpts): string {
  const characters: Record<string, string> = { aq: "'", dq: '"', ga: "`", ha: "^", ti: "~" };
  return page(program)
    .replace(/\\f[BIR]|\\&/g, "")
    .replace(/\\\((..)/g, (_, name: string) => characters[name]!)
    .replaceAll("\\-", "-")
    .replaceAll("\\e", "\\");
}

function tree(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return [command, ...command.createHelp().visibleCommands(command).flatMap(tree)].filter((command) =>
    command.name() !== "help"
  );
}

Deno.test("manPage() has every command of smolvm with its usage, its arguments, its options and its examples", async () => {
  const program = await makeProgram(() => {});
  const commands = tree(program);
  assert.ok(commands.length > 30);
  const sections = new Map(plain(program).split(/^\.SS /m).map((text) => [text.split("\n")[1], text]));
  for (const command of commands.slice(1)) {
    const help = command.createHelp();
    const section = sections.get(help.commandUsage(command));
    assert.ok(section, help.commandUsage(command));
    assert.ok(section.includes(`\n${command.description()}.\n`), section);
    const terms = [
      ...help.visibleArguments(command).map((argument) => help.argumentTerm(argument)),
      ...help.visibleOptions(command).map((option) => help.optionTerm(option)),
    ].filter((term) => !term.endsWith("--help"));
    for (const term of terms) assert.ok(section.includes(`\n.TP\n${term}\n`), `${term} is not in ${section}`);
  }
  for (const example of ["run -it --net debian bash", "config set default_mem 2g", "cp web:/etc - | tar t"]) {
    assert.ok(plain(program).includes(`\nsmolvm ${example}\n`), example);
  }
});

Deno.test("manPage() contains its name, version and date, and no hidden commands", async () => {
  const text = page(await makeProgram(() => {}));
  assert.match(text, /^\.TH SMOLVM 1 1970-01-02 "smolvm 1\.2\.3"\n\.SH NAME\nsmolvm \\- Run /);
  const sections = [...text.matchAll(/^\.SH (.*)$/gm)].map(([, name]) => name);
  const expected = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES"];
  assert.deepEqual(sections, expected);
  assert.doesNotMatch(text, /__complete/);
});

Deno.test("manPage() escapes every text for roff", () => {
  const program = new Command("p").description("d");
  program.command("c").description(".x \\n 'q'").addHelpText("after", "\nNotes:\n  .so \"a\"\n  'x' ~ ^ `\n\n.end");
  const text = page(program);
  assert.ok(text.includes("\n\\&.x \\en \\(aqq\\(aq.\n"), text);
  assert.ok(text.includes("\nNotes:\n.PP\n.RS 4\n.EX\n\\&.so \\(dqa\\(dq\n\\(aqx\\(aq \\(ti \\(ha \\(ga\n.EE\n"), text);
  assert.ok(text.includes("\n.PP\n\\&.end\n"), text);
});
