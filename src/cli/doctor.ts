import { Command, Option } from "@commander-js/extra-typings";
import type { Finding } from "../doctor/mod.ts";
import { formatFindings } from "./output/findings.ts";
import { printLine } from "./output/print.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
The exit code is 1 if some or all machines cannot run on this host.

Examples:
  smolvm doctor
  smolvm doctor --format json`;

/** `smolvm doctor`. */
export function doctorCommand(setExitCode: (code: number) => void) {
  return new Command("doctor")
    .summary("Check that this host meets smolvm's requirements")
    .description("Check that this host meets smolvm's requirements, and print how to fix problems")
    .addOption(new Option("--format <format>", "output format").choices(["text", "json"] as const))
    .addHelpText("after", EXAMPLES)
    .action(async ({ format }) => {
      // Only this command needs it.
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
