import { messageOf, SmolvmError } from "../errors.ts";
import { libFolder } from "../host/lib_folder.ts";
import { type NativeFunctions, openLibrary } from "../host/native_library.ts";
import { type Krun, KRUN_SYMBOLS } from "./symbols.ts";

/** Where libkrun or its firmware may be; the first existing path is used. */
export interface LibraryCandidates {
  /** The environment variable that overrides the paths, and its value. */
  override: { variable: string; path: string | undefined };
  paths: string[];
}

/** The facts of a host that {@linkcode libraryCandidates} depends on. */
export interface LibraryFacts {
  os: string;
  arch: string;
  /** `lib` beside the executable. */
  libFolder: string;
  env: (name: string) => string | undefined;
}

const SYSTEM_FOLDERS = ["/usr/local/lib64", "/usr/local/lib", "/usr/lib64", "/usr/lib"];
const HOMEBREW_FOLDERS = ["/opt/homebrew/lib", "/usr/local/lib"];

/** The candidates for a library, in order: only the override if set, otherwise `lib/`, Homebrew, the system. */
export function libraryCandidates(library: "libkrun" | "libkrunfw", facts: LibraryFacts): LibraryCandidates {
  const major = library === "libkrun" ? 1 : 5;
  const name = facts.os === "darwin" ? `${library}.${major}.dylib` : `${library}.so.${major}`;
  const folders = facts.os === "darwin"
    ? HOMEBREW_FOLDERS
    : [...SYSTEM_FOLDERS, `/usr/lib/${facts.arch}-linux-gnu`, "/home/linuxbrew/.linuxbrew/lib"];
  const variable = `SMOLVM_${library.toUpperCase()}`;
  return {
    override: { variable, path: facts.env(variable) },
    paths: [facts.libFolder, ...folders].map((folder) => `${folder}/${name}`),
  };
}

/** The file of a library on this host. */
function findLibrary(library: "libkrun" | "libkrunfw"): string {
  const { override, paths } = libraryCandidates(library, {
    os: Deno.build.os,
    arch: Deno.build.arch,
    libFolder: libFolder(),
    env: (name) => Deno.env.get(name),
  });
  if (override.path !== undefined) {
    if (isFile(override.path)) return override.path;
    throw new SmolvmError("dependency", `Cannot find ${library}: ${override.variable} names "${override.path}"`, {
      hint: `Unset ${override.variable} or correct it.`,
    });
  }
  const found = paths.find(isFile);
  if (found === undefined) {
    throw new SmolvmError("dependency", `Cannot find ${library}: looked at ${paths.join(", ")}`, {
      hint: `Run scripts/setup, install ${library}, or set ${override.variable} to the file.`,
    });
  }
  return found;
}

/**
 * Loads the firmware and libkrun into this process.
 *
 * @throws {SmolvmError} `dependency` when either is missing or cannot be loaded.
 */
export function loadKrun(): Krun {
  // libkrun opens the firmware by file name only: load it first by absolute path, so that the name resolves.
  loadLibrary("libkrunfw", {});
  return loadLibrary("libkrun", KRUN_SYMBOLS).symbols;
}

/**
 * Loads one of the libraries into this process; `path` is its file.
 *
 * @throws {SmolvmError} `dependency` when it is missing or cannot be loaded.
 */
export function loadLibrary<const F extends NativeFunctions>(
  library: "libkrun" | "libkrunfw",
  functions: F,
): { path: string; symbols: Deno.DynamicLibrary<F>["symbols"] } {
  const path = findLibrary(library);
  try {
    return { path, symbols: openLibrary(path, functions) };
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot load "${path}": ${messageOf(error)}`, { cause: error });
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Missing or not accessible: try the next candidate.
  }
}
