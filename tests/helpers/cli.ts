/**
 * Runs the real command line without a VM.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MARK, takeInventory, type TestFolders } from "./inventory.ts";
import { type Outcome, Process, runProcess } from "./process.ts";
import { makeTempFolder } from "./temp_folder.ts";

/** The launcher in the checkout. */
export const SMOLVM = decodeURIComponent(new URL("../../smolvm", import.meta.url).pathname);

/** How `smolvm` is run. */
export interface CliOptions {
  env?: Record<string, string>;
  /** The text of the user's configuration file. */
  config?: string;
}

/** A `smolvm` with its own folders, removed when it is disposed of. */
export interface Cli extends Disposable, TestFolders {
  /** The environment that makes it use these folders. */
  env: Record<string, string>;
  /** Runs `smolvm ARGS` until it exits, with pipes for input and output. */
  run(args: string[], options?: CliOptions): Promise<Outcome>;
  /** Starts `smolvm ARGS`, without a configuration file. */
  start(args: string[]): Process;
  /** Starts a shell script in which `$0` is `smolvm`. */
  shell(script: string): Process;
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
    env,
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
    shell: (script) => new Process("sh", { args: ["-c", script, SMOLVM], cwd: folder, env }),
    [Symbol.dispose]: () => temp[Symbol.dispose](),
  };
}

/** Fails if there is a machine or a folder for machines. */
export async function assertNothingLeft(cli: Cli): Promise<void> {
  const nothing = { processes: [], mounts: [], sockets: [], files: [], containers: [] };
  assert.deepEqual(await takeInventory(cli), nothing);
  const made = [...Deno.readDirSync(cli.folder)].map(({ name }) => name);
  for (const name of ["state", "runtime", "storage"]) assert.ok(!made.includes(name), `the ${name} folder was made`);
}
