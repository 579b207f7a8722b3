/**
 * The entry point of smolvm's helper processes, which load libkrun or carry a guest's network, and the commands that
 * start them.
 *
 * A helper process runs the file that contains this module, with its role in an environment variable, and exits in this
 * module, before the program that imports it runs. The file may be this one, by path or by URL, or the bundle of a
 * user's script. An executable made by `deno compile` starts itself.
 *
 * @module
 */

/** Runs one machine, inspects libkrun, tries the jail, or carries a guest's network. */
type Role = "runner" | "probe" | "jail-probe" | "gateway";

/** How a process is started. */
export interface RoleCommand {
  argv: string[];
  /** Environment variables to set in addition to the parent's. */
  env: Record<string, string>;
}

/** Limits V8's young generation to 1 MiB: without this, a runner that was busy keeps about 3 MiB more. */
const SMALL_HEAP = "--max-semi-space-size=1";

/**
 * Makes V8 compile a whole file at once. Deno caches a file's compiled code when the file has been evaluated: functions
 * that are compiled later are compiled again at each start.
 */
const COMPILE_ALL = "--no-lazy";

const VARIABLE = "SMOLVM_ROLE";

/** Deno's flags for every smolvm process that runs `file`, apart from permissions. */
export function denoFlags(file: string, v8Flags: readonly string[] = []): string[] {
  // `main.js` is this program's bundle. Deno may not cache the code of the sources or of a script's bundle.
  const flags = [...v8Flags, ...file.endsWith("/main.js") ? [COMPILE_ALL] : []];
  return [
    ...flags.length > 0 ? [`--v8-flags=${flags.join(",")}`] : [],
    ...["--no-config", "--no-lock", "--no-prompt", "--no-check", "--cached-only", "--quiet"],
  ];
}

/** The command that starts a process with a role. */
export function roleCommand(role: Exclude<Role, "gateway">): RoleCommand {
  // Deno allows access to `/dev` and `/proc` only with all permissions, and FFI is unlimited anyway.
  return commandOf(role, ["-A"], [SMALL_HEAP]);
}

/** The command that starts the gateway of the machine with that runtime folder, with the permissions it needs. */
export function gatewayCommand(
  runtimeFolder: string,
  { deniedHosts, files = [] }: {
    deniedHosts: readonly string[];
    /** Files outside that folder that the gateway must read and remove. */
    files?: readonly string[];
  },
): RoleCommand {
  const { protocol, pathname } = ownUrl();
  // The gateway's process still has to import the bundle's other files.
  const code = protocol === "file:" ? [decodeURIComponent(pathname.slice(0, pathname.lastIndexOf("/")))] : [];
  const { argv, env } = commandOf("gateway", [
    `--allow-env=${VARIABLE}`,
    ...gatewayPermissions({ read: [runtimeFolder, ...files, ...code], write: [runtimeFolder, ...files], deniedHosts }),
    ...protocol === "file:" ? [] : ["--allow-import"],
  ]);
  return { argv: [...argv, runtimeFolder], env };
}

/** The permissions of a gateway, apart from reading environment variables. */
export function gatewayPermissions(
  { read, write, deniedHosts }: { read: readonly string[]; write: readonly string[]; deniedHosts: readonly string[] },
): string[] {
  return [
    "--unstable-net",
    `--allow-read=${read.join(",")}`,
    `--allow-write=${write.join(",")}`,
    "--allow-sys=networkInterfaces",
    "--allow-net",
    `--deny-net=${deniedHosts.join(",")}`,
  ];
}

/** The URL of this module, or of the entry of the bundle that contains it. */
function ownUrl(): URL {
  return new URL(import.meta.url);
}

function commandOf(role: Role, permissions: readonly string[], v8Flags?: readonly string[]): RoleCommand {
  const { protocol, pathname, href } = ownUrl();
  const file = protocol === "file:" ? decodeURIComponent(pathname) : href;
  const deno = [Deno.execPath(), "run", ...permissions, ...denoFlags(file, v8Flags), file];
  const program = Deno.build.standalone ? [Deno.execPath()] : deno;
  // The argument only makes the role visible in process lists.
  return { argv: [...program, `__${role}`], env: { [VARIABLE]: role } };
}

/** Returns the role of this process. Child processes must not inherit it. */
function takeRole(): string | undefined {
  // A process with a role may read the variable. A script without that permission must not fail or prompt its user.
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
if (role === "gateway") {
  const { gatewayMain } = await import("../network/main.ts");
  await gatewayMain();
}
if (role === "probe") {
  const { probeLibraries } = await import("./probe.ts");
  console.log(JSON.stringify(probeLibraries()));
  Deno.exit(0);
}
if (role === "jail-probe") {
  const { probeJail } = await import("./jail_probe.ts");
  console.log(JSON.stringify(probeJail()));
  Deno.exit(0);
}
