import { SmolvmError } from "../errors.ts";
import { dirname } from "./path.ts";

/** Hint for errors about a missing file of {@linkcode libFolder}. */
export const LIB_HINT = "scripts/setup makes it; SMOLVM_LIB can name the lib folder of a download.";

/**
 * The folder of the files that ship with smolvm (native libraries, agent, disk template): `SMOLVM_LIB` if set, `lib`
 * beside an executable, otherwise `lib` of the checkout or download that contains this file.
 *
 * @throws {SmolvmError} `dependency` when this file was loaded from a URL.
 */
export function libFolder(): string {
  const override = Deno.env.get("SMOLVM_LIB");
  if (override !== undefined && override !== "") return override;
  const { protocol, pathname, href } = new URL("../../lib", import.meta.url);
  if (!Deno.build.standalone) {
    if (protocol === "file:") return decodeURIComponent(pathname);
    throw new SmolvmError("dependency", `Cannot use "${href}": it is not on this host`, { hint: LIB_HINT });
  }
  // The executable may be a symlink on PATH; its libraries are beside the real file.
  return `${dirname(Deno.realPathSync(Deno.execPath()))}/lib`;
}

/** The guest's agent for this host's processor. */
export function agentFile(): string {
  return `${libFolder()}/smolvm-agent-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
}
