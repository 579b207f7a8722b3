/**
 * The folder of what ships with smolvm (native libraries, agent, disk template): `SMOLVM_LIB` when set, `lib` beside
 * the executable in a release, else `lib` of the checkout.
 */
export function libFolder(): string {
  const override = Deno.env.get("SMOLVM_LIB");
  if (override !== undefined && override !== "") return override;
  if (!Deno.build.standalone) return decodeURIComponent(new URL("../../lib", import.meta.url).pathname);
  // The executable may be on PATH as a symbolic link, while its libraries stay where it really is.
  const executable = Deno.realPathSync(Deno.execPath());
  return `${executable.slice(0, executable.lastIndexOf("/"))}/lib`;
}

/** The guest's agent for this host's processor. */
export function agentFile(): string {
  return `${libFolder()}/smolvm-agent-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
}
