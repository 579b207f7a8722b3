import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { readChunks } from "../host/streams.ts";
import type { CopyOptions, GuestFiles } from "../mod.ts";
import { argument } from "./completion/kind.ts";
import { parseCopyPath } from "./copy_path.ts";
import { writeOutput } from "./output/print.ts";
import { ProgressLine } from "./output/progress.ts";
import { formatSize } from "../size.ts";
import { untilSignal } from "./signals.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
If DST is an existing folder, the copy goes into it; otherwise DST becomes the
copy. SRC/. copies the contents of a folder. A tar stream from standard input
may be compressed with gzip, bzip2, xz or zstd.

Examples:
  smolvm cp ./site web:/srv
  smolvm cp web:/var/log/. ./logs
  tar c site | smolvm cp - web:/srv
  smolvm cp - web:/srv <site.tar.gz
  smolvm cp web:/etc - | tar t`;

/** `smolvm cp`. */
export function cpCommand(setExitCode: (code: number) => void) {
  return new Command("cp")
    .summary("Copy files between this host and a machine")
    .description("Copy files and folders between this host and a running machine")
    .addArgument(argument("copy path", "<src>", "PATH on this host, NAME:PATH in a machine, or - for a tar stream"))
    .addArgument(argument("copy path", "<dst>", "as for src; exactly one of the two must be in a machine"))
    .option("-a, --archive", "keep owners (uid and gid)")
    .option("-L, --follow-link", "if the source is a symlink, copy its target")
    .option("-q, --quiet", "do not show progress")
    .addHelpText("after", EXAMPLES)
    .action(async (source, destination, { archive: keepOwner = false, followLink = false }, self) => {
      const copy = planCopy(source, destination);
      const shows = !self.optsWithGlobals().quiet && Deno.stderr.isTerminal();
      setExitCode(
        await untilSignal((signal) =>
          forEachTarget([copy], async (copy) => {
            using line = new ProgressLine();
            const onProgress = shows ? line.draw.bind(line) : undefined;
            const onWarning = (text: string) => line.say(`smolvm: ${text}`);
            await copy({ keepOwner, followLink, onProgress, onWarning, signal });
            if (shows && destination !== "-") line.say(`Copied ${formatSize(line.done)} to ${destination}`);
          })
        ),
      );
    });
}

/** Returns the function that copies; it looks up the machine only when called. */
function planCopy(source: string, destination: string): (options: CopyOptions) => Promise<void> {
  const [from, to] = [parseCopyPath(source), parseCopyPath(destination)];
  if (from.kind === "guest" && to.kind === "guest") {
    throw new SmolvmError("usage", "Cannot copy from machine to machine", { hint: "Copy to this host first." });
  }
  if (to.kind === "guest") {
    if (from.kind === "stream") refuseTerminal(Deno.stdin, "input");
    const source = from.kind === "stream" ? readChunks(Deno.stdin) : from.path;
    return async (options) => (await filesOf(to.name)).copyIn(source, to.path, options);
  }
  if (from.kind === "guest") {
    if (to.kind === "stream") refuseTerminal(Deno.stdout, "output");
    const target = to.kind === "stream" ? writeOutput.bind(undefined, "stdout") : to.path;
    return async (options) => (await filesOf(from.name)).copyOut(from.path, target, options);
  }
  throw new SmolvmError("usage", `Cannot copy "${source}" to "${destination}": neither is in a machine`, {
    hint: "A path in a machine is written NAME:PATH.",
  });
}

async function filesOf(name: string): Promise<GuestFiles> {
  const { Machine } = await import("../mod.ts");
  return (await Machine.get(name)).fs;
}

function refuseTerminal(stream: { isTerminal(): boolean }, name: string): void {
  if (stream.isTerminal()) throw new SmolvmError("usage", `Cannot copy a tar stream: standard ${name} is a terminal`);
}
