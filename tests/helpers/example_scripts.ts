/**
 * Runs the scripts of examples/ as their headers describe.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Process, type ProcessOptions } from "./process.ts";

const FOLDER = decodeURIComponent(new URL("../../examples", import.meta.url).pathname);

/** The permissions in an example's header: the options of its `deno run`. */
export function permissionsOf(name: string): string[] {
  const text = Deno.readTextFileSync(`${FOLDER}/${name}.ts`);
  const [, options] = new RegExp(`^ \\* +deno run ((?:--\\S+ |\\\\\n \\* +)+)examples/${name}\\.ts`, "m").exec(text) ??
    [];
  assert.ok(options, `${name}.ts does not say how to run it`);
  // The header names the file of x64, relative to the checkout; docs/runtime.md names those of other architectures.
  const jail = `${FOLDER}/../lib/smolvm-jail-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
  return options.match(/--\S+/g)!.map((option) => option.replace("lib/smolvm-jail-x64", jail));
}

/** Starts an example with its arguments. */
export function startExample(name: string, options: ProcessOptions): Process {
  const args = ["run", "--quiet", "--no-prompt", ...permissionsOf(name), `${FOLDER}/${name}.ts`, ...options.args];
  return new Process(Deno.execPath(), { ...options, args });
}
