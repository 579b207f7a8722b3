/**
 * Inspects the jail of a running VM's process from outside, without trusting the process.
 *
 * @module
 */

import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";
import { listOf } from "./inventory.ts";

const NAMESPACES = ["ipc", "mnt", "net", "user", "uts"];
const O_ACCMODE = 3;

/** The parts of the host that a process may access. */
export interface Allowed {
  /** Its mounts by path, with the first option of each. */
  mounts: Record<string, "ro" | "rw">;
  /** Whether it may have the host's network. */
  net?: boolean;
  /** Folders whose files it may write to. */
  writable: string[];
  /** Single files that it may have open for writing. */
  files: string[];
  /** Files of the host that it must not have open. */
  forbidden: string[];
  /** A text that must not be in its environment. */
  secret: string;
}

/** The parts of the host that the process of an ephemeral machine without volumes may access. */
export function allowedEphemeral(
  { state, runtime }: { state: string; runtime: string },
  id: string,
): Pick<Allowed, "mounts" | "writable" | "files"> {
  const folder = `${state}/smolvm/ephemeral/${id}`;
  return {
    mounts: {
      "/": "ro",
      "/dev/kvm": "rw",
      "/proc/self/fd": "rw",
      [`${folder}/vm`]: "rw",
      [`${runtime}/smolvm/${id}`]: "ro",
      [`${runtime}/smolvm/boot`]: "ro",
      [`${runtime}/smolvm/boot/s/rootfs`]: "ro",
    },
    writable: [`${folder}/vm`],
    files: [`${folder}/lock`],
  };
}

/** Fails if the process of a VM has access to more of the host than allowed. */
export function assertJailed(pid: number, allowed: Allowed): void {
  for (const path of entriesOf(`/proc/${pid}/task`)) unlessGone(path, () => assertThread(path, allowed));
  const mounts = mountsOf(pid);
  assert.deepEqual(Object.fromEntries(mounts.map(({ path, access }) => [path, access])), allowed.mounts);
  assert.deepEqual(mounts.flatMap((mount) => mount.missing), [], "options of mounts");
  assertRoot(`/proc/${pid}/root`, mounts.map(({ path }) => path));
  assertDescriptors(pid, allowed);
  assert.ok(!Deno.readTextFileSync(`/proc/${pid}/environ`).includes(allowed.secret), "the starter's variables");
}

/** Ignores the failure if the path is gone: threads exit and descriptors are closed during the inspection. */
function unlessGone(path: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (exists(path)) throw error;
  }
}

function entriesOf(folder: string): string[] {
  return listOf(folder).map((name) => `${folder}/${name}`);
}

function assertThread(path: string, { net = false }: Allowed): void {
  const status = Deno.readTextFileSync(`${path}/status`);
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1];
  const filters = Number(field("Seccomp_filters"));
  assert.deepEqual([field("NoNewPrivs"), field("Seccomp")], ["1", "2"], status);
  assert.ok(filters >= 2, `${path} has ${filters} filters`);
  assert.equal(identityOf(`${path}/cwd`), identityOf(`${path}/root`), `working folder of ${path}`);
  const own = NAMESPACES.filter((kind) =>
    Deno.readLinkSync(`${path}/ns/${kind}`) !== Deno.readLinkSync(`/proc/self/ns/${kind}`)
  );
  assert.deepEqual(own, NAMESPACES.filter((kind) => kind !== "net" || !net));
}

interface Mount {
  id: string;
  path: string;
  access: string;
  /** The required options that the mount lacks. */
  missing: string[];
}

function mountsOf(pid: number): Mount[] {
  const lines = Deno.readTextFileSync(`/proc/${pid}/mountinfo`).trim().split("\n");
  return lines.map((line) => {
    const [id, , , , path, options] = line.split(" ");
    const set = options!.split(",");
    // The jail's own mounts are read-only and contain no file but the agent.
    const isOwn = path === "/" || path!.endsWith("/boot");
    const wanted = isOwn ? [] : ["nosuid", ...path!.startsWith("/dev/") ? [] : ["nodev"]];
    const missing = wanted.filter((option) => !set.includes(option)).map((option) => `${path}: ${option}`);
    return { id: id!, path: path!, access: set[0]!, missing };
  });
}

/** Fails if the file system of the process's root contains anything but mount points. */
function assertRoot(root: string, mounts: string[]): void {
  const { dev } = Deno.statSync(root);
  const visit = (path: string) => {
    for (const { name } of Deno.readDirSync(`${root}${path}`)) {
      const below = `${path}/${name}`;
      assert.ok(mounts.some((mount) => `${mount}/`.startsWith(`${below}/`)), `"${below}" is in the root`);
      const info = Deno.lstatSync(`${root}${below}`);
      if (info.isDirectory && info.dev === dev) visit(below);
    }
  };
  visit("");
}

function assertDescriptors(pid: number, { writable, files, forbidden }: Allowed): void {
  const mayWrite = new Set([...writable.flatMap((folder) => [...filesBelow(folder)]), ...files].map(identityOf));
  const mustNot = new Map(forbidden.map((path) => [identityOf(path), path]));
  const mounts = new Set(mountsOf(pid).map(({ id }) => id));
  const check = (link: string) => {
    const target = Deno.readLinkSync(link);
    const info = Deno.statSync(link);
    const details = Deno.readTextFileSync(link.replace("/fd/", "/fdinfo/"));
    const [flags, mount] = ["flags", "mnt_id"].map((name) => new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(details)![1]!);
    const what = `descriptor ${link}, "${target}"`;
    assert.equal(mustNot.get(identityOf(link)), undefined, what);
    assert.ok(!info.isDirectory || mounts.has(mount!), `${what} is a folder outside of the jail`);
    if (info.isFile && (parseInt(flags!, 8) & O_ACCMODE) !== 0) {
      assert.ok(mayWrite.has(identityOf(link)), `${what} is writable`);
    }
  };
  for (const link of entriesOf(`/proc/${pid}/fd`)) unlessGone(link, () => check(link));
}

function identityOf(path: string): string {
  const { dev, ino } = Deno.statSync(path);
  return `${dev}:${ino}`;
}

function* filesBelow(folder: string): Generator<string> {
  for (const { name, isFile, isDirectory } of Deno.readDirSync(folder)) {
    if (isFile) yield `${folder}/${name}`;
    if (isDirectory) yield* filesBelow(`${folder}/${name}`);
  }
}
