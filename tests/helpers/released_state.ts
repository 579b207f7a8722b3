import { libFolder } from "../../src/host/lib_folder.ts";
import { createDisk } from "../../src/storage/disk.ts";

/** The machines in the state of a released version in `tests/fixtures`. */
export interface ReleasedState {
  /** The folder of a machine that was started and stopped. */
  web: string;
  /** The folder of a machine that was never started. */
  idle: string;
}

/**
 * Copies a state folder that smolvm 0.2.0 wrote. Only the disks, made as 0.2.0 makes them, and the folder that the
 * machines boot from are new.
 *
 * @param state the state folder
 */
export async function copyState020(state: string, source: string): Promise<ReleasedState> {
  const fixture = decodeURIComponent(new URL("../fixtures/state-0.2.0", import.meta.url).pathname);
  await Deno.mkdir(state, { recursive: true });
  const copy = new Deno.Command("cp", { args: ["-R", `${fixture}/machines`, `${fixture}/names`, state] });
  if (!(await copy.output()).success) throw new Error(`Cannot copy ${fixture}`);
  const [web, idle] = ["eb270dccf894", "a272b43e8205"].map((id) => `${state}/machines/${id}`) as [string, string];
  for (const folder of [web, idle]) {
    const record = JSON.parse(await Deno.readTextFile(`${folder}/machine.json`));
    await Deno.writeTextFile(`${folder}/machine.json`, JSON.stringify({ ...record, source: { folder: source } }));
    createDisk(`${folder}/disk.img`);
  }
  return { web, idle };
}

/** The command that runs smolvm 0.2.0, whose sources `scripts/setup --test` has unpacked, with this version's `lib`. */
export function smolvm020Command(): [program: string, ...args: string[]] {
  const folder = decodeURIComponent(new URL("../../.deno/smolvm-0.2.0", import.meta.url).pathname);
  const cache = decodeURIComponent(new URL("../../.deno/cache", import.meta.url).pathname);
  const files = ["--config", `${folder}/deno.json`, "--lock", `${folder}/deno.lock`, "--frozen"];
  const flags = ["--quiet", "--allow-all", "--no-prompt", "--no-check", "--cached-only", ...files];
  const variables = [`SMOLVM_LIB=${libFolder()}`, `DENO_DIR=${cache}`];
  return ["env", ...variables, Deno.execPath(), "run", ...flags, `${folder}/src/main.ts`];
}
