import { assertCode, runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";

/** A module that a program loaded. */
export interface LoadedModule {
  /** File, relative to the program's folder. */
  name: string;
  bytes: number;
}

/**
 * What a program loads when it is run, in the order in which Deno asks for it: it is run from a server that keeps count,
 * since what is imported as needed is in no list that Deno gives of it.
 *
 * @param program a script with its modules beside it
 */
export async function loadedModules(
  program: string,
  programArgs: string[],
  env: Record<string, string> = {},
): Promise<LoadedModule[]> {
  const [folder, name] = [program.slice(0, program.lastIndexOf("/")), program.slice(program.lastIndexOf("/") + 1)];
  const loaded: LoadedModule[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const name = new URL(url).pathname.slice(1);
    const body = await Deno.readFile(`${folder}/${name}`);
    loaded.push({ name, bytes: body.length });
    return new Response(body, { headers: { "content-type": "text/javascript" } });
  });
  using cache = makeTempFolder();
  const args = ["run", "-A", "--quiet", "--no-config", "--no-lock", "--no-check"];
  const outcome = await runProcess(Deno.execPath(), {
    args: [...args, `http://127.0.0.1:${server.addr.port}/${name}`, ...programArgs],
    env: { ...env, DENO_DIR: cache.path },
  });
  assertCode(outcome, 0);
  return loaded;
}
