/**
 * The minimum Deno permissions of a script that imports the runtime module, on Linux; src/mod.ts explains them.
 *
 * @module
 */

/** The paths of a script's smolvm; all absolute. */
export interface PermissionFolders {
  state: string;
  runtime: string;
  /** The user's configuration. */
  configFile: string;
  lib: string;
  /** The folders that its machines boot from or mount. */
  sources: readonly string[];
}

/** The permissions for machines that boot from folders. */
export function machinePermissions({ state, runtime, configFile, lib, sources }: PermissionFolders): string[] {
  return [
    "--allow-env=HOME,XDG_CONFIG_HOME,XDG_STATE_HOME,XDG_RUNTIME_DIR,SMOLVM_LIB",
    "--allow-sys=uid",
    `--allow-read=${[state, runtime, configFile, lib, ...sources]}`,
    `--allow-write=${[state, runtime]}`,
    "--allow-net",
    `--allow-run=${lib}/smolvm-jail-${Deno.build.arch === "aarch64" ? "arm64" : "x64"},sh`,
  ];
}

/** The additional permissions for images; `storage` is buildah's folder. */
export function imagePermissions({ storage, buildah }: { storage: string; buildah: string }): string[] {
  return [
    "--allow-env=PATH,SMOLVM_STORAGE,XDG_DATA_HOME,CONTAINERS_STORAGE_CONF,STORAGE_DRIVER",
    `--allow-read=${storage},${buildah}`,
    "--allow-run=setpriv,buildah",
  ];
}
