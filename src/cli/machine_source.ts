import type { Smolfile } from "../config/smolfile.ts";
import { SmolvmError } from "../errors.ts";
import { refuseNetworkAsSource } from "./network_options.ts";

/** What to boot and which command to run. */
export interface SourceAndCommand {
  source: string;
  /** The base folder of a relative source; by default the working directory. */
  sourceFolder?: string;
  /** Empty means the image's command. */
  command: string[];
}

/**
 * Returns what to boot and which command to run. With a Smolfile, words after `--` are only a command.
 *
 * @param words the operands of the command line `smolvm NAME`
 * @throws {SmolvmError} `usage`.
 */
export function sourceAndCommand(
  words: string[],
  { name, file, path }: { name: string; file: Smolfile | undefined; path: string | undefined },
): SourceAndCommand {
  refuseNetworkAsSource(words);
  // Commander does not report whether there was a `--`.
  const isCommand = file !== undefined && Deno.args.at(-1 - words.length) === "--";
  const [source, command] = isCommand ? [undefined, words] : [words[0], words.slice(1)];
  const rest = { command: command.length > 0 ? command : file?.command ?? [] };
  if (source !== undefined) return { source, ...rest };
  if (file?.image !== undefined) return { source: file.image, sourceFolder: file.folder, ...rest };
  if (file === undefined) {
    throw new SmolvmError("usage", "Missing required argument 'source'", {
      hint: `Run 'smolvm ${name} --help' for more.`,
    });
  }
  throw new SmolvmError("usage", `Cannot use "${path}": it has no image, and no SOURCE is given`);
}
