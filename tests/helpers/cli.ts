/**
 * The real command line, as far as it goes without a VM.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MARK, takeInventory, type Territory } from "./inventory.ts";
import { type Outcome, Process, runProcess } from "./process.ts";
import { makeTempFolder } from "./temp_folder.ts";

/** The launcher in the checkout. */
export const SMOLVM = decodeURIComponent(new URL("../../smolvm", import.meta.url).pathname);

/** How a `smolvm` is run. */
export interface CliOptions {
  env?: Record<string, string>;
  /** The text of the user's configuration file. */
  config?: string;
}

/** A `smolvm` with folders of its own, gone when it is disposed of. */
export interface Cli extends Disposable, Territory {
  /** Runs `smolvm ARGS` to its end, with its input and its output in pipes. */
  run(args: string[], options?: CliOptions): Promise<Outcome>;
  /** Starts `smolvm ARGS`, without a configuration. */
  start(args: string[]): Process;
}

export function makeCli(): Cli {
  const temp = makeTempFolder();
  const folder = temp.path;
  const [state, runtime, storage] = [`${folder}/state`, `${folder}/runtime`, `${folder}/storage`];
  const configFolder = Deno.build.os === "darwin"
    ? `${folder}/Library/Preferences/rs.smolvm`
    : `${folder}/config/smolvm`;
  const env = {
    [MARK]: folder,
    HOME: folder,
    XDG_CONFIG_HOME: `${folder}/config`,
    XDG_STATE_HOME: state,
    XDG_RUNTIME_DIR: runtime,
    SMOLVM_STORAGE: storage,
    SMOLVM_LOG: "",
    RUST_LOG: "",
    NO_COLOR: "",
  };
  return {
    folder,
    state,
    runtime,
    storage,
    async run(args, options = {}) {
      await Deno.mkdir(configFolder, { recursive: true });
      await Deno.writeTextFile(`${configFolder}/smolvm.toml`, options.config ?? "");
      return await runProcess(SMOLVM, { args, cwd: folder, env: { ...env, ...options.env } });
    },
    start: (args) => new Process(SMOLVM, { args, cwd: folder, env }),
    [Symbol.dispose]: () => temp[Symbol.dispose](),
  };
}

/** Fails unless nothing of a machine is there and none of the folders where one would be. */
export async function assertNothingLeft(cli: Cli): Promise<void> {
  const nothing = { processes: [], mounts: [], sockets: [], files: [], containers: [] };
  assert.deepEqual(await takeInventory(cli), nothing);
  const made = [...Deno.readDirSync(cli.folder)].map(({ name }) => name);
  for (const name of ["state", "runtime", "storage"]) assert.ok(!made.includes(name), `the ${name} folder was made`);
}
