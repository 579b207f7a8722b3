import { folderRoot, type Launch, launchOf, type Root } from "../../src/machine/launch.ts";
import { makeRecord } from "./machines.ts";

/**
 * A root filesystem whose runner is a shell script.
 *
 * @param script its standard input is the lifeline, which starts with a line with the specification
 */
export function fakeRoot(path: string, script: string): Root {
  return { ...folderRoot(path), prefix: ["sh", "-c", script] };
}

/** An attached launch of a persistent machine in this folder, with {@linkcode fakeRoot}. */
export function fakeLaunch(folder: string, script: string): Launch {
  return launchOf(makeRecord(), fakeRoot(folder, script), { folder, runtimeFolder: folder }, {
    ephemeral: false,
    held: false,
    isJailed: true,
    attached: true,
    terminal: undefined,
    stdin: false,
    bootTimeoutMs: 1000,
  });
}
