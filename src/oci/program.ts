import { SmolvmError } from "../errors.ts";
import { dirname } from "../host/path.ts";
import { loadKrun } from "../krun/library.ts";
import { denoFlags } from "../runner/entry.ts";
import type { OciMount } from "./config.ts";

/** The C library's loader, where every program names it. */
const LOADER = Deno.build.arch === "aarch64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";
const LIBRARIES = "/vm/lib";

/** What a container needs to run this program. */
export interface Program {
  /** How it is started; its arguments follow. */
  argv: string[];
  env: string[];
  /** Files and folders of the host, read-only. */
  mounts: OciMount[];
}

/**
 * This program as a container can run it: Deno, the program's code, and the libraries that both load, which are all
 * that a container has of the host.
 *
 * @throws {SmolvmError} `dependency` when libkrun is missing.
 */
export function containedProgram(): Program {
  // So that it is among what is loaded, with all that it needs.
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
      ...[...files, ...cache && isThere(cache) ? [cache] : []].map((file) => readOnly(file, file)),
      ...libraries.map(({ file, name }) => readOnly(file, name.startsWith("ld-") ? LOADER : `${LIBRARIES}/${name}`)),
    ],
  };
}

function run(deno: string): { argv: string[]; files: string[] } {
  const { protocol, pathname } = new URL(Deno.mainModule);
  if (protocol !== "file:") throw new SmolvmError("dependency", `Cannot run "${Deno.mainModule}" in a container`);
  const main = decodeURIComponent(pathname);
  const folder = dirname(main);
  // The sources import the version from beside their folder.
  const version = `${folder}/../deno.json`;
  return {
    argv: [deno, "run", "-A", ...denoFlags(main), main],
    files: [Deno.realPathSync(deno), folder, ...main.endsWith(".ts") ? [Deno.realPathSync(version)] : []],
  };
}

/** The shared libraries of a process, by the text of its `/proc/PID/maps`. */
export function loadedFiles(maps: string): string[] {
  const files = maps.split("\n").map((line) => /^\S+ \S+ \S+ \S+ \S+ +(\/.*\.so(\.[\d.]+\S*)?)$/.exec(line)?.[1]);
  return [...new Set(files.filter((file) => file !== undefined))];
}

/** The name by which programs ask for a library: without the digits of its lesser versions. */
export function soname(file: string): string {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return /^.+?\.so\.\d+/.exec(name)?.[0] ?? name;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // Deno makes it when it first has something to keep.
  }
}

/** A mount of a host's file or folder that cannot be written to. */
export function readOnly(source: string, destination: string): OciMount {
  return { source, destination, type: "bind", options: ["rbind", "ro", "nosuid", "nodev", "rprivate"] };
}
