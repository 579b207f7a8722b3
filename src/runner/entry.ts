/**
 * The processes that smolvm is made of beside its user's own, which load libkrun or carry a guest's network: how they are
 * started, and what they do then.
 *
 * Each runs whatever file holds this module, with its role in a variable, and gets no further than this module. So it
 * is all one whether that file is this one, by path or by URL, or a bundle that a script became; an executable, made by
 * `deno compile`, starts itself.
 *
 * @module
 */

/** To run one machine, to look at libkrun, to try the jail, or to be a guest's network. */
type Role = "runner" | "probe" | "jail-probe" | "gateway";

/** How a process is started. */
export interface RoleCommand {
  argv: string[];
  /** What it needs of an environment beside its starter's. */
  env: Record<string, string>;
}

/** Limits V8's young generation to 1 MiB: without it, a runner that was busy keeps about 3 MiB more. */
const SMALL_HEAP = "--max-semi-space-size=1";

/**
 * Has V8 compile all of a file at once. Deno keeps the compiled code of a file once it has been evaluated: what is
 * compiled later is compiled at each start.
 */
const COMPILE_ALL = "--no-lazy";

const VARIABLE = "SMOLVM_ROLE";

/** What every process of smolvm's that runs that file has of Deno, beside its permissions. */
export function denoFlags(file: string, v8Flags: readonly string[] = []): string[] {
  // The bundle of this program. Of its sources, and of what a script became, the compiled code may not be kept.
  const flags = [...v8Flags, ...file.endsWith("/main.js") ? [COMPILE_ALL] : []];
  return [
    ...flags.length > 0 ? [`--v8-flags=${flags.join(",")}`] : [],
    ...["--no-config", "--no-lock", "--no-prompt", "--no-check", "--cached-only", "--quiet"],
  ];
}

/** How a process with that role is started. */
export function roleCommand(role: Exclude<Role, "gateway">): RoleCommand {
  // Deno lets nobody touch `/dev` and `/proc` with less, and FFI is unlimited anyway.
  return commandOf(role, ["-A"], [SMALL_HEAP]);
}

/** How the gateway of the machine with that runtime folder is started, which Deno holds to what it needs. */
export function gatewayCommand(
  runtimeFolder: string,
  { deniedHosts, files = [] }: {
    deniedHosts: readonly string[];
    /** What it is to read and remove outside of that folder. */
    files?: readonly string[];
  },
): RoleCommand {
  const { protocol, pathname } = ownUrl();
  // A bundle imports its other files as late as that.
  const code = protocol === "file:" ? [decodeURIComponent(pathname.slice(0, pathname.lastIndexOf("/")))] : [];
  const { argv, env } = commandOf("gateway", [
    `--allow-env=${VARIABLE}`,
    ...gatewayPermissions({ read: [runtimeFolder, ...files, ...code], write: [runtimeFolder, ...files], deniedHosts }),
    ...protocol === "file:" ? [] : ["--allow-import"],
  ]);
  return { argv: [...argv, runtimeFolder], env };
}

/** What a gateway may do, beside reading variables. */
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

/** Of this module, or of the entry of the bundle that it is in. */
function ownUrl(): URL {
  return new URL(import.meta.url);
}

function commandOf(role: Role, permissions: readonly string[], v8Flags?: readonly string[]): RoleCommand {
  const { protocol, pathname, href } = ownUrl();
  const file = protocol === "file:" ? decodeURIComponent(pathname) : href;
  const deno = [Deno.execPath(), "run", ...permissions, ...denoFlags(file, v8Flags), file];
  const program = Deno.build.standalone ? [Deno.execPath()] : deno;
  // The argument is for those who look at a list of processes.
  return { argv: [...program, `__${role}`], env: { [VARIABLE]: role } };
}

/** The role of this process, which is not for those that it starts. */
function takeRole(): string | undefined {
  // A process with a role may read all variables. A script that may not must not fail, and its user must not be asked.
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
