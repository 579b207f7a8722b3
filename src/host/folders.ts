import { SmolvmError } from "../errors.ts";

/** Where smolvm keeps its files on this host; every path is absolute. */
export interface Folders {
  /** The user's TOML file. */
  configFile: string;
  /** The folder for data that must survive a reboot: machines, image records. */
  state: string;
  /** The folder for sockets. Short, because a socket's path has at most 107 bytes. */
  runtime: string;
}

/** The facts of a host that {@linkcode foldersOf} depends on. */
export interface FolderFacts {
  os: string;
  uid: number;
  env: (name: string) => string | undefined;
}

/** The folders of a host with these facts; creates nothing. */
export function foldersOf({ os, uid, env }: FolderFacts): Folders {
  const home = env("HOME");
  if (home === undefined || !home.startsWith("/")) {
    throw new SmolvmError(
      "config",
      `Cannot find the home folder: HOME is ${home === undefined ? "not set" : `"${home}"`}`,
      {
        hint: "Set HOME to an absolute path.",
      },
    );
  }
  if (os === "darwin") {
    return {
      configFile: `${home}/Library/Preferences/rs.smolvm/smolvm.toml`,
      state: `${home}/Library/Application Support/rs.smolvm`,
      runtime: `/tmp/smolvm-${uid}`,
    };
  }
  // The XDG specification says to ignore relative paths in these variables.
  const xdg = (name: string, fallback: string) => {
    const value = env(name);
    return value?.startsWith("/") ? `${value}/smolvm` : fallback;
  };
  return {
    configFile: `${xdg("XDG_CONFIG_HOME", `${home}/.config/smolvm`)}/smolvm.toml`,
    state: xdg("XDG_STATE_HOME", `${home}/.local/state/smolvm`),
    // Directly in /tmp, whose sticky bit keeps other users from moving it.
    runtime: xdg("XDG_RUNTIME_DIR", uid === 0 ? "/run/smolvm" : `/tmp/smolvm-${uid}`),
  };
}

/** The folders of this host. */
export function folders(): Folders {
  return foldersOf({ os: Deno.build.os, uid: Deno.uid() ?? 0, env: (name) => Deno.env.get(name) });
}
