/**
 * Operations that Deno allows only with every permission, although the OS allows them to the user: without the
 * permissions, `sh` does them.
 *
 * @module
 */

/**
 * Reads a kernel file, such as those in `/proc`.
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
 * Reads a kernel symlink, such as those in `/proc`.
 *
 * @throws what `Deno.readLinkSync` throws.
 */
export function readKernelLink(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return bySh('exec readlink "$1"', path).trim();
  }
}

/**
 * Sends SIGKILL to a process, or to a process group by its negative id.
 *
 * @throws {Deno.errors.NotFound} when there is no such process.
 * @throws {Deno.errors.PermissionDenied} when it belongs to another user.
 */
export function killProcessId(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    bySh('kill -s KILL -- "$1"', `${pid}`);
  }
}

/** The OS errors that callers distinguish, by their texts in the C locale: a shell reports no errno. */
const ERRORS: readonly [text: string, error: new (message: string) => Error][] = [
  ["No such file or directory", Deno.errors.NotFound],
  ["No such process", Deno.errors.NotFound],
  ["Permission denied", Deno.errors.PermissionDenied],
  ["Operation not permitted", Deno.errors.PermissionDenied],
];

/** Runs a script and returns its output. */
function bySh(script: string, argument: string): string {
  const { success, stdout, stderr } = new Deno.Command("sh", {
    args: ["-c", script, "sh", argument],
    env: { LC_ALL: "C" },
    stdin: "null",
  }).outputSync();
  if (success) return new TextDecoder().decode(stdout);
  const message = new TextDecoder().decode(stderr).trim();
  const [, SpecificError = Error] = ERRORS.find(([text]) => message.endsWith(text)) ?? [];
  throw new SpecificError(message);
}
