/**
 * The scripts of examples/, run as their headers say.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Process, type ProcessOptions } from "./process.ts";

const FOLDER = decodeURIComponent(new URL("../../examples", import.meta.url).pathname);

/** The permissions in an example's header: the options of the `deno run` there. */
export function permissionsOf(name: string): string[] {
  const text = Deno.readTextFileSync(`${FOLDER}/${name}.ts`);
  const [, options] = new RegExp(`^ \\* +deno run ((?:--\\S+ )+)\\\\\n \\* +examples/${name}\\.ts`, "m").exec(text) ??
    [];
  assert.ok(options, `${name}.ts does not say how to run it`);
  return options.trim().split(" ");
}

/** Starts an example with its arguments. */
export function startExample(name: string, options: ProcessOptions): Process {
  const args = ["run", "--quiet", "--no-prompt", ...permissionsOf(name), `${FOLDER}/${name}.ts`, ...options.args];
  return new Process(Deno.execPath(), { ...options, args });
}
