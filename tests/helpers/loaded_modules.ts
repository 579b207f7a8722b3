/**
 * What the bundled program loads.
 *
 * @module
 */

import { assertCode, runProcess } from "./process.ts";
import { makeTempFolder } from "./temp_folder.ts";

/** A module that was loaded. */
export interface LoadedModule {
  bytes: number;
  text: string;
}

/** What `smolvm ARGS` loads of a bundle. */
export function modulesOfProgram(folder: string, args: string[]): Promise<LoadedModule[]> {
  return loadedModules(folder, "main.js", { args });
}

/** What a runner loads of a bundle before it knows what to run. */
export function modulesOfRunner(folder: string): Promise<LoadedModule[]> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".js"));
  const entry = names.find((name) => Deno.readTextFileSync(`${folder}/${name}`).includes("SMOLVM_ROLE"));
  return loadedModules(folder, entry!, { args: [], env: { SMOLVM_ROLE: "runner" } });
}

/** By a server that keeps count: what is imported as needed is in no list that Deno gives of a program. */
async function loadedModules(
  folder: string,
  main: string,
  { args, env }: { args: string[]; env?: Record<string, string> },
): Promise<LoadedModule[]> {
  const loaded: LoadedModule[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const text = await Deno.readTextFile(folder + new URL(url).pathname);
    const { length: bytes } = new TextEncoder().encode(text);
    loaded.push({ bytes, text });
    return new Response(text, { headers: { "content-type": "text/javascript" } });
  });
  using cache = makeTempFolder();
  const flags = ["-A", "--quiet", "--no-config", "--no-lock", "--no-check"];
  const outcome = await runProcess(Deno.execPath(), {
    args: ["run", ...flags, `http://127.0.0.1:${server.addr.port}/${main}`, ...args],
    env: { ...env, DENO_DIR: cache.path },
  });
  assertCode(outcome, 0);
  return loaded;
}
