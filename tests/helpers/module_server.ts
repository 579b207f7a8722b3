/**
 * The runtime module by URL, and bundled.
 *
 * @module
 */

import { assertCode, runProcess } from "./process.ts";

/** Where the checkout is, with a slash at its end. */
export const CHECKOUT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** A server of the checkout's files. */
export interface ModuleServer extends AsyncDisposable {
  /** URL of the module. */
  module: string;
  /** What Deno is told so that it loads from there. */
  flags: string[];
  /** A cache that has nothing of the module yet. */
  env: Record<string, string>;
}

/** Serves the checkout on the loopback device, to who has the cache that is made in `folder`. */
export async function serveModule(folder: string): Promise<ModuleServer> {
  // What npm has is taken from ours.
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

/** Puts a script and all that it imports into one file, and removes the script. */
export async function bundle(script: string, output: string): Promise<void> {
  const cwd = output.slice(0, output.lastIndexOf("/"));
  assertCode(await runProcess(Deno.execPath(), { args: ["bundle", "--quiet", "--output", output, script], cwd }), 0);
  await Deno.remove(script);
}
