/**
 * Serves the runtime module by URL, and bundles scripts that import it.
 *
 * @module
 */

import { dirname } from "../../src/host/path.ts";
import { assertCode, runProcess } from "./process.ts";

/** The path of the checkout, with a trailing slash. */
export const CHECKOUT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** A server of the checkout's files. */
export interface ModuleServer extends AsyncDisposable {
  /** URL of the module. */
  module: string;
  /** The options that make Deno load from the server. */
  flags: string[];
  /** Selects a Deno cache without the module. */
  env: Record<string, string>;
}

/** Serves the checkout on the loopback; makes a new cache in `folder` for its clients. */
export async function serveModule(folder: string): Promise<ModuleServer> {
  // npm packages come from the checkout's own cache.
  await Deno.mkdir(`${folder}/cache`);
  await Deno.symlink(`${CHECKOUT}.deno/cache/npm`, `${folder}/cache/npm`);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    const body = await Deno.readTextFile(`${CHECKOUT}${pathname.slice(1)}`);
    return new Response(body, { headers: { "content-type": "application/typescript" } });
  });
  const host = `127.0.0.1:${server.addr.port}`;
  return {
    module: `http://${host}/src/mod.ts`,
    flags: [`--allow-import=${host}`],
    env: { DENO_DIR: `${folder}/cache` },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Bundles a script with its imports into one file, and removes the script. */
export async function bundle(script: string, output: string): Promise<void> {
  const cwd = dirname(output);
  assertCode(await runProcess(Deno.execPath(), { args: ["bundle", "--quiet", "--output", output, script], cwd }), 0);
  await Deno.remove(script);
}
