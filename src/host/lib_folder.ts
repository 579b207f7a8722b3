import { SmolvmError } from "../errors.ts";

/** For errors that something of {@linkcode libFolder} is missing. */
export const LIB_HINT = "scripts/setup makes it; SMOLVM_LIB can name the lib folder of a download.";

/**
 * The folder of what ships with smolvm (native libraries, agent, disk template): `SMOLVM_LIB` when set, `lib` beside
 * an executable, else `lib` of the checkout or the download that this file is in.
 *
 * @throws {SmolvmError} `dependency` when this file is in neither, since it came by a URL.
 */
export function libFolder(): string {
  const override = Deno.env.get("SMOLVM_LIB");
  if (override !== undefined && override !== "") return override;
  const { protocol, pathname, href } = new URL("../../lib", import.meta.url);
  if (!Deno.build.standalone) {
    if (protocol === "file:") return decodeURIComponent(pathname);
    throw new SmolvmError("dependency", `Cannot use "${href}": it is not on this host`, { hint: LIB_HINT });
  }
  // The executable may be on PATH as a symbolic link, while its libraries stay where it really is.
  const executable = Deno.realPathSync(Deno.execPath());
  return `${executable.slice(0, executable.lastIndexOf("/"))}/lib`;
}

/** The guest's agent for this host's processor. */
export function agentFile(): string {
  return `${libFolder()}/smolvm-agent-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
}
