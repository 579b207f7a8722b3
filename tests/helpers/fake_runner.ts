import { folderRoot, type Launch, launchOf, type Root } from "../../src/machine/launch.ts";
import { makeRecord } from "./machines.ts";

/**
 * A root for which a shell script stands for the runner.
 *
 * @param script has the lifeline as its standard input, whose first line is the specification
 */
export function fakeRoot(path: string, script: string): Root {
  return { ...folderRoot(path), prefix: ["sh", "-c", script] };
}

/** A machine that persists, in that folder, to be started in such a root and attached to. */
export function fakeLaunch(folder: string, script: string): Launch {
  return launchOf(makeRecord(), fakeRoot(folder, script), { folder, runtimeFolder: folder }, {
    ephemeral: false,
    held: false,
    attached: true,
    terminal: undefined,
    stdin: false,
    bootTimeoutMs: 1000,
  });
}
