/**
 * The least that Deno must allow a script that imports the runtime module, on Linux; src/mod.ts says what for.
 *
 * @module
 */

/** Where a script's smolvm has its files; absolute paths. */
export interface PermissionFolders {
  state: string;
  runtime: string;
  /** The user's configuration. */
  configFile: string;
  lib: string;
  /** What its machines boot from or mount. */
  sources: readonly string[];
}

/** For machines that boot from folders. */
export function machinePermissions({ state, runtime, configFile, lib, sources }: PermissionFolders): string[] {
  return [
    "--allow-env=HOME,XDG_CONFIG_HOME,XDG_STATE_HOME,XDG_RUNTIME_DIR,SMOLVM_LIB",
    "--allow-sys=uid",
    `--allow-read=${[state, runtime, configFile, lib, ...sources]}`,
    `--allow-write=${[state, runtime]}`,
    "--allow-net",
    "--allow-run=unshare,sh",
  ];
}

/** For images, beside those; `storage` is buildah's folder. */
export function imagePermissions({ storage, buildah }: { storage: string; buildah: string }): string[] {
  return [
    "--allow-env=PATH,SMOLVM_STORAGE,XDG_DATA_HOME,CONTAINERS_STORAGE_CONF,STORAGE_DRIVER",
    `--allow-read=${storage},${buildah}`,
    "--allow-run=setpriv,buildah",
  ];
}
