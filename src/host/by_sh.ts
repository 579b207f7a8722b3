/**
 * What Deno lets only a program with every permission do, although its user may: for others `sh` does it.
 *
 * @module
 */

/**
 * The text of a file that the kernel makes up, such as those in `/proc`.
 *
 * @throws what `Deno.readTextFileSync` throws.
 */
export function readKernelFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return bySh('exec cat "$1"', path);
  }
}

/**
 * Sends SIGKILL to a process, or to all of a process group by its negative id.
 *
 * @throws {Deno.errors.NotFound} when there is none with that id.
 */
export function killProcessId(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    bySh('kill -s KILL -- "$1"', `${pid}`);
  }
}

/** Its output; that it failed is all that is known then. */
function bySh(script: string, argument: string): string {
  const { success, stdout, stderr } = new Deno.Command("sh", {
    args: ["-c", script, "sh", argument],
    stdin: "null",
  }).outputSync();
  if (!success) throw new Deno.errors.NotFound(new TextDecoder().decode(stderr).trim());
  return new TextDecoder().decode(stdout);
}
