import { assertCode, runProcess } from "./process.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/**
 * Builds a library that replaces libkrun, from a C file that includes `tests/fixtures/stub_krun.h`.
 *
 * @param source its path in this repository
 */
export async function buildStubKrun(source: string, library: string): Promise<void> {
  const guest = ["frame", "messages", "payload"].map((name) => `${ROOT}src/guest/wire/${name}.c`);
  const flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC", `-I${ROOT}src/guest`];
  assertCode(await runProcess("cc", { args: [...flags, "-o", library, `${ROOT}${source}`, ...guest] }), 0);
}
