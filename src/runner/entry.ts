/**
 * The processes that load libkrun, which nobody's own process does: how they are started, and what they do then.
 *
 * Each runs whatever file holds this module, with its role in a variable, and gets no further than this module. So it
 * is all one whether that file is this one, by path or by URL, or a bundle that a script became; an executable, made by
 * `deno compile`, starts itself.
 *
 * @module
 */

/** To run one machine, or to look at libkrun. */
type Role = "runner" | "probe";

/** How a process is started. */
export interface RoleCommand {
  argv: string[];
  /** What it needs of an environment beside its starter's. */
  env: Record<string, string>;
}

const VARIABLE = "SMOLVM_ROLE";

/** `-A`: Deno lets nobody touch `/dev` and `/proc` with less, and FFI is unlimited anyway. */
const FLAGS = ["-A", "--no-config", "--no-lock", "--no-prompt", "--no-check", "--cached-only", "--quiet"];

/** How a process with that role is started. */
export function roleCommand(role: Role): RoleCommand {
  const { protocol, pathname, href } = new URL(import.meta.url);
  const file = protocol === "file:" ? decodeURIComponent(pathname) : href;
  const program = Deno.build.standalone ? [Deno.execPath()] : [Deno.execPath(), "run", ...FLAGS, file];
  // The argument is for those who look at a list of processes.
  return { argv: [...program, `__${role}`], env: { [VARIABLE]: role } };
}

/** The role of this process, which is not for those that it starts. */
function takeRole(): string | undefined {
  // Whoever has one may read everything; a script that may not is not to fail, nor its user to be asked.
  if (Deno.permissions.querySync({ name: "env", variable: VARIABLE }).state !== "granted") return undefined;
  const role = Deno.env.get(VARIABLE);
  if (role !== undefined) Deno.env.delete(VARIABLE);
  return role;
}

const role = takeRole();
if (role === "runner") {
  const { runnerMain } = await import("./main.ts");
  await runnerMain();
}
if (role === "probe") {
  const { probeLibraries } = await import("./probe.ts");
  console.log(JSON.stringify(probeLibraries()));
  Deno.exit(0);
}
