import { SmolvmError } from "../errors.ts";
import { dirname } from "../host/path.ts";
import { loadKrun } from "../krun/library.ts";
import { denoFlags } from "../runner/entry.ts";
import type { OciMount } from "./config.ts";

/** The C library's loader, at the path that every program names. */
const LOADER = Deno.build.arch === "aarch64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";
const LIBRARIES = "/vm/lib";

/** What a container needs to run this program. */
export interface Program {
  /** The start of the command line; smolvm's arguments follow. */
  argv: string[];
  env: string[];
  /** The host's files and folders that it needs, read-only. */
  mounts: OciMount[];
}

/**
 * How to run this program in a container, which gets nothing else of the host: Deno, the program's code, and the
 * libraries that both load.
 *
 * @throws {SmolvmError} `dependency` when libkrun is missing.
 */
export function containedProgram(): Program {
  // Load libkrun, so that it and its dependencies are among the loaded files.
  loadKrun();
  const libraries = loadedFiles(Deno.readTextFileSync("/proc/self/maps")).map((file) => ({ file, name: soname(file) }));
  const deno = Deno.execPath();
  const { argv, files } = Deno.build.standalone ? { argv: [deno], files: [deno] } : run(deno);
  const cache = Deno.env.get("DENO_DIR");
  return {
    argv,
    env: [
      `LD_LIBRARY_PATH=${LIBRARIES}`,
      `SMOLVM_LIBKRUN=${LIBRARIES}/libkrun.so.1`,
      `SMOLVM_LIBKRUNFW=${LIBRARIES}/libkrunfw.so.5`,
      ...cache ? [`DENO_DIR=${cache}`] : [],
      "DENO_NO_UPDATE_CHECK=1",
      "NO_COLOR=1",
      "HOME=/",
      "PATH=/",
    ],
    mounts: [
      ...[...files, ...cache && isFolder(cache) ? [cache] : []].map((file) => readOnly(file, file)),
      ...libraries.map(({ file, name }) => readOnly(file, name.startsWith("ld-") ? LOADER : `${LIBRARIES}/${name}`)),
    ],
  };
}

function run(deno: string): { argv: string[]; files: string[] } {
  const { protocol, pathname } = new URL(Deno.mainModule);
  if (protocol !== "file:") throw new SmolvmError("dependency", `Cannot run "${Deno.mainModule}" in a container`);
  const main = decodeURIComponent(pathname);
  const folder = dirname(main);
  // The sources import the version from deno.json, beside their folder.
  const version = `${folder}/../deno.json`;
  return {
    argv: [deno, "run", "-A", ...denoFlags(main), main],
    files: [Deno.realPathSync(deno), folder, ...main.endsWith(".ts") ? [Deno.realPathSync(version)] : []],
  };
}

/** The shared libraries of a process, according to the text of its `/proc/PID/maps`. */
export function loadedFiles(maps: string): string[] {
  const files = maps.split("\n").map((line) => /^\S+ \S+ \S+ \S+ \S+ +(\/.*\.so(\.[\d.]+\S*)?)$/.exec(line)?.[1]);
  return [...new Set(files.filter((file) => file !== undefined))];
}

/** The name by which programs load a library: with the major version only. */
export function soname(file: string): string {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return /^.+?\.so\.\d+/.exec(name)?.[0] ?? name;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // Deno creates it on first use.
  }
}

/** A read-only mount of a host's file or folder. */
export function readOnly(source: string, destination: string): OciMount {
  return { source, destination, type: "bind", options: ["rbind", "ro", "nosuid", "nodev", "rprivate"] };
}
