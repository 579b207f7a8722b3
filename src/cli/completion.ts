import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { printLine } from "./output/print.ts";

const EXAMPLES = `
Examples:
  source <(smolvm completion bash)       # in ~/.bashrc
  source <(smolvm completion zsh)        # in ~/.zshrc, after compinit
  smolvm completion fish > ~/.config/fish/completions/smolvm.fish`;

/** `smolvm completion`. */
export function completionCommand() {
  return new Command("completion")
    .summary("Print a completion script for bash, zsh or fish")
    .description("Print a script that lets a shell complete commands, options, machines and images")
    .addArgument(new Argument("<shell>", "the shell").choices(["bash", "zsh", "fish"] as const))
    .addHelpText("after", EXAMPLES)
    .action(async (shell) => {
      const { SCRIPTS } = await import("./completion/scripts.ts");
      printLine(SCRIPTS[shell].trimEnd());
    });
}

/** `smolvm __complete WORD...`, which the completion scripts call with the words typed after `smolvm`. */
export function completeCommand(program: CommandUnknownOpts) {
  return new Command("__complete")
    .argument("[word...]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words) => {
      const { complete } = await import("./completion/candidates.ts");
      const { candidates, files } = await complete(program, words);
      const lines = candidates.map(({ value, description = "" }) => `${value}\t${description}`);
      for (const line of [...lines, ...(files ? [":files"] : [])]) printLine(line);
    });
}
