import { Command, Option } from "@commander-js/extra-typings";
import type { Finding } from "../doctor/mod.ts";
import { formatFindings } from "./output/findings.ts";
import { printLine } from "./output/print.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
Exit code 1 says that something is missing without which some machines cannot
run.

Examples:
  smolvm doctor
  smolvm doctor --format json`;

/** `smolvm doctor`. */
export function doctorCommand(setExitCode: (code: number) => void) {
  return new Command("doctor")
    .summary("Check what smolvm needs of this host")
    .description("Check everything that smolvm needs of this host, and say how to fix it")
    .addOption(new Option("--format <format>", "output format").choices(["text", "json"] as const))
    .addHelpText("after", EXAMPLES)
    .action(async ({ format }) => {
      // Only this command has a use for it.
      const { diagnose } = await import("../doctor/mod.ts");
      const findings = await diagnose();
      if (format === "json") printLine(JSON.stringify(findings, undefined, 2));
      else {printLine(
          formatFindings(findings, {
            colour: Deno.stdout.isTerminal() && !Deno.noColor,
            width: columnsOf(Deno.stdout),
          }),
        );}
      if (findings.some(isError)) setExitCode(1);
    });
}

function isError({ status }: Finding): boolean {
  return status === "error";
}
