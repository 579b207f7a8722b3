/**
 * A podman that is separate from the host's containers and uses the OCI runtime by default.
 *
 * @module
 */

/**
 * Writes a configuration of podman into a folder, and returns the environment variables that select it.
 *
 * @param options the program or method that creates cgroups
 */
export async function configurePodman(
  folder: string,
  runtime: string,
  { cgroupManager = "cgroupfs" }: { cgroupManager?: "cgroupfs" | "systemd" } = {},
): Promise<Record<string, string>> {
  const [config, storage] = [`${folder}/containers.conf`, `${folder}/storage.conf`];
  await Deno.writeTextFile(
    config,
    `[engine]\ncgroup_manager = "${cgroupManager}"\n` +
      'events_logger = "none"\nruntime = "smolvm"\n' +
      'runtime_supports_json = ["smolvm"]\n' +
      `[engine.runtimes]\nsmolvm = ["${runtime}"]\n[network]\nnetwork_backend = "netavark"\n`,
  );
  await Deno.writeTextFile(
    storage,
    `[storage]\ndriver = "vfs"\nrunroot = "${folder}/podman/run"\ngraphroot = "${folder}/podman/graph"\n`,
  );
  return { CONTAINERS_CONF: config, CONTAINERS_STORAGE_CONF: storage };
}
