/**
 * A podman of its own: nothing of the host's containers, and the OCI runtime as its default.
 *
 * @module
 */

/**
 * Configures podman in a folder, and returns the variables by which it finds that.
 *
 * @param options who makes control groups
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
