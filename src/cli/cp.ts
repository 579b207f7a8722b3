import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { readChunks, writeAll } from "../host/streams.ts";
import type { CopyOptions } from "../machine/copy.ts";
import { parseCopyPath } from "./copy_path.ts";
import { ProgressLine } from "./output/progress.ts";
import { formatSize } from "./output/size.ts";
import { untilSignal } from "./signals.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
A copy goes into a folder that is there, and else takes the name that it is
given. "/." at the end of SRC stands for what is in that folder.

Examples:
  smolvm cp ./site web:/srv
  smolvm cp web:/var/log/. ./logs
  tar c site | smolvm cp - web:/srv
  smolvm cp web:/etc - | tar t`;

/** `smolvm cp`. */
export function cpCommand(setExitCode: (code: number) => void) {
  return new Command("cp")
    .summary("Copy files between this host and a machine")
    .description("Copy files and folders between this host and a machine that runs")
    .argument("<src>", "PATH here, NAME:PATH in a machine, or - for a tar stream")
    .argument("<dst>", "likewise; one of the two is in a machine")
    .option("-a, --archive", "keep owners (uid and gid)")
    .option("-L, --follow-link", "if the source is a link, copy what it leads to")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", EXAMPLES)
    .action(async (source, destination, { archive: keepOwner = false, followLink = false }, self) => {
      const copy = planCopy(source, destination);
      const shows = !self.optsWithGlobals().quiet && Deno.stderr.isTerminal();
      setExitCode(
        await untilSignal((until) =>
          forEachTarget([copy], async (copy) => {
            using line = new ProgressLine();
            const onProgress = shows ? line.draw.bind(line) : undefined;
            const onWarning = (text: string) => line.say(`smolvm: ${text}`);
            await copy({ keepOwner, followLink, onProgress, onWarning, until });
            if (shows && destination !== "-") line.say(`Copied ${formatSize(line.done)} to ${destination}`);
          })
        ),
      );
    });
}

/** What is to be done; machines are looked for when it is. */
function planCopy(source: string, destination: string): (options: CopyOptions) => Promise<void> {
  const [from, to] = [parseCopyPath(source), parseCopyPath(destination)];
  if (from.kind === "guest" && to.kind === "guest") {
    throw new SmolvmError("usage", "Cannot copy from machine to machine", { hint: "Copy to this host first." });
  }
  if (to.kind === "guest") {
    if (from.kind === "host") {
      return async (options) => (await copying()).copyToMachine(from.path, await guestPath(to), options);
    }
    refuseTerminal(Deno.stdin, "input");
    return async (options) => (await copying()).extractInMachine(readChunks(Deno.stdin), await guestPath(to), options);
  }
  if (from.kind === "guest") {
    if (to.kind === "host") {
      return async (options) => (await copying()).copyFromMachine(await guestPath(from), to.path, options);
    }
    refuseTerminal(Deno.stdout, "output");
    const stdout = (data: Uint8Array) => writeAll(Deno.stdout, data);
    return async (options) => (await copying()).archiveFromMachine(await guestPath(from), stdout, options);
  }
  throw new SmolvmError("usage", `Cannot copy "${source}" to "${destination}": neither is in a machine`, {
    hint: "A path in a machine is written NAME:PATH.",
  });
}

/** Loaded by those that copy alone. */
function copying() {
  return import("../machine/copy.ts");
}

async function guestPath({ name, path }: { name: string; path: string }) {
  const { openMachine } = await import("../machine/find.ts");
  return { machine: openMachine(name), path };
}

function refuseTerminal(stream: { isTerminal(): boolean }, name: string): void {
  if (stream.isTerminal()) throw new SmolvmError("usage", `Cannot copy a tar stream: standard ${name} is a terminal`);
}
