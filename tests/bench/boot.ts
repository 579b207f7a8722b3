/**
 * Measures how long the download's smolvm takes to run a microVM, compared with a floor: a minimal launcher in C that
 * boots the same root filesystem with libkrun. The runs alternate, so that load on the host slows all of them equally;
 * only the ratios are meaningful.
 *
 *     deno run -A boot.js WORK [--runs N] [--emulated] [--msb MSB [--msb-module FOLDER]]
 *
 * The script is bundled, so that it does not need the checkout. WORK contains the unpacked download, as `download`, and
 * the programs `floor` (the launcher, `floor.c`) and `clear_memory` (`clear_memory.c`). MSB is the executable of
 * microsandbox, which is measured too, and FOLDER is the npm package microsandbox. In an emulated machine, the memory
 * that the previous run used is cleared before each run.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { buildImage, exportImage, makeImageStore } from "../fixtures/images.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { setEnv } from "../helpers/env.ts";
import { until } from "../helpers/until.ts";
import { execsInARow, median, memoryOf, moduleExec, progress, runsOf } from "./measure.ts";

const WORK = Deno.args[0]!;
const RUNS = runsOf(Deno.args, 5);
const EXECS = 30;
const IMAGE = "localhost/bench:latest";

await using store = await makeImageStore();
const rootfs = `${store.folder}/rootfs`;
await buildRootfs(rootfs);
await buildImage(store, { name: IMAGE, rootfs });
// The floor needs its own root filesystem: libkrun's init makes mount points in it.
const floorRootfs = `${store.folder}/floor-rootfs`;
await buildRootfs(floorRootfs);
/** Guests create a file in this folder when they are up. */
const upFolder = `${floorRootfs}/up`;
await Deno.mkdir(upFolder);
progress("root filesystems and an image were made");

const download = `${WORK}/download`;
const smolvm = (...args: string[]) => ({ command: `${download}/smolvm`, args });
const floor = `${WORK}/floor`;
const floorOf = (...args: string[]) => ({ command: floor, args: [`${download}/lib`, floorRootfs, ...args] });

/** A program and its arguments. */
interface Run {
  command: string;
  args: string[];
  /** Additional environment variables. */
  env?: Record<string, string>;
}

// Deno's own start-up time: the CLI and the runner each pay it once.
const nothing = `${store.folder}/nothing.js`;
await Deno.writeTextFile(nothing, "");
const deno = { command: Deno.execPath(), args: ["run", "--no-config", "--no-lock", "--no-check", nothing] };

await using machine = new AsyncDisposableStack();
const CASES: Record<string, Run> = {
  floor: floorOf("/bin/true"),
  deno,
  folder: smolvm("run", rootfs, "echo", "done"),
  network: smolvm("run", "--net", rootfs, "true"),
  unjailed: smolvm("run", "--insecure-no-jail", rootfs, "true"),
  image: smolvm("run", IMAGE, "true"),
  warm: smolvm("run", rootfs, "true"),
  exec: smolvm("exec", "bench", "true"),
  ...await preparePeer(Deno.args.indexOf("--msb")),
};

// The machine for `exec`.
const { command: program } = smolvm();
await output(program, ["create", "--name", "bench", rootfs, "sleep", "100000"]);
machine.defer(() => output(program, ["delete", "--force", "bench"]));
await output(program, ["start", "bench"]);

/** Returns the runs of microsandbox with the same image, if its executable is given. */
async function preparePeer(index: number): Promise<Record<string, Run>> {
  const command = Deno.args[index + 1];
  if (index < 0 || command === undefined) return {};
  // Its folders need extended attributes, which a tmpfs may not support, and a short path for its sockets.
  const home = await mountDisk(`${store.folder}/m`);
  machine.defer(() => output("umount", [home]));
  const env = { HOME: home, TMPDIR: home };
  const archive = `${store.folder}/bench.tar`;
  await exportImage(store, IMAGE, `docker-archive:${archive}:${IMAGE}`);
  await output(command, ["load", "--quiet", "--input", archive, "--tag", "bench:latest"], env);
  await output(command, ["create", "--quiet", "--name", "bench", "bench:latest"], env);
  machine.defer(() => output(command, ["stop", "bench"], env));
  return {
    "msb image": { command, args: ["run", "--quiet", "--pull", "never", "bench:latest", "--", "true"], env },
    "msb exec": { command, args: ["exec", "bench", "--", "true"], env },
  };
}

/** Measures commands in the sandbox of {@linkcode preparePeer}, with microsandbox's module. */
async function peerModuleExec(folder: string, env: Record<string, string>): Promise<string> {
  using _ = setEnv(env);
  const { Sandbox } = await import(`file://${folder}/dist/index.js`);
  const sandbox = await (await Sandbox.get("bench")).connect();
  return `msb module: ${await execsInARow(() => sandbox.exec("true"), EXECS)}`;
}

/** Mounts a new file system at `folder`. */
async function mountDisk(folder: string): Promise<string> {
  await Deno.mkdir(folder);
  const file = await Deno.open(`${folder}.img`, { create: true, write: true });
  await file.truncate(4 * 1024 ** 3);
  file.close();
  await output("mkfs.ext4", ["-q", `${folder}.img`]);
  await output("mount", ["-o", "loop", `${folder}.img`, folder]);
  return folder;
}

/**
 * Measures a run. An emulated machine is slow at code that it has not run for a while: there, runs twice and returns
 * the second measurement.
 */
async function measure(name: string, run: Run): Promise<Taken> {
  if (!Deno.args.includes("--emulated")) return await measureOnce(name, run);
  await measureOnce(name, run);
  await output(`${WORK}/clear_memory`, ["1200"]);
  return await measureOnce(name, run);
}

async function measureOnce(name: string, run: Run): Promise<Taken> {
  if (name === "warm") await output(program, ["warm"]);
  const taken = await time(run);
  // Remove the next warm machine: the other runs must not take it.
  if (name === "warm") await output(program, ["warm", "--count", "0"]);
  return taken;
}

/** Milliseconds from a program's start to its exit, and from its last output to its exit. */
interface Taken {
  totalMs: number;
  endMs: number;
}

/** Runs a program until it exits. */
async function time({ command, args, env }: Run): Promise<Taken> {
  const start = performance.now();
  const variables = { ...store.env, ...env };
  const child = new Deno.Command(command, { args, env: variables, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
  const stderr = new Response(child.stderr).text();
  let last = start;
  for await (const _ of child.stdout) last = performance.now();
  const { code } = await child.status;
  const end = performance.now();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${await stderr}`);
  return { totalMs: end - start, endMs: end - last };
}

async function output(command: string, args: string[], env: Record<string, string> = store.env): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, env, stdout: "null", stderr: "piped" })
    .output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
}

/** Measures the host memory of a VM's process while the guest sleeps, including the guest's pages. */
async function memoryAtRest({ command, args }: Run): Promise<string> {
  await using cleanup = new AsyncDisposableStack();
  const child = new Deno.Command(command, { args, env: store.env, stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
  cleanup.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
  });
  // The floor prints nothing: wait for the file.
  await until(() => exists(`${upFolder}/up`));
  await Deno.remove(`${upFolder}/up`);
  return await memoryOf(command === floor ? child.pid : await runnerPid());
}

/** Returns the process of the only VM that smolvm runs. */
async function runnerPid(): Promise<number> {
  for await (const { name } of Deno.readDir("/proc")) {
    const text = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    // Skip smolvm-jail, which started the runner.
    if (text.endsWith("\0__runner\0") && !text.includes("/smolvm-jail-")) return Number(name);
  }
  throw new Error("No runner");
}

// The first run of each case fills caches; the first run of the image also mounts it.
for (const [name, run] of Object.entries(CASES)) {
  const { totalMs } = await measure(name, run);
  progress(`the first run of ${name} took ${totalMs.toFixed(0)} ms`);
}
const totals: Record<string, number[]> = Object.fromEntries(Object.keys(CASES).map((name) => [name, []]));
const ends: number[] = [];
for (let round = 0; round < RUNS; round++) {
  for (const [name, run] of Object.entries(CASES)) {
    const { totalMs, endMs } = await measure(name, run);
    totals[name]!.push(totalMs);
    if (name === "folder") ends.push(endMs);
  }
  const taken = Object.entries(totals).map(([name, values]) => `${name} ${values.at(-1)!.toFixed(0)}`);
  progress(`round ${round + 1} of ${RUNS}, ms: ${taken.join(", ")}`);
}

const floorMs = median(totals.floor!);
console.log(`median of ${RUNS} alternating runs`);
for (const [name, values] of Object.entries(totals)) {
  const ms = median(values);
  const all = values.map((value) => value.toFixed(0)).join(" ");
  console.log(`${name.padEnd(9)} ${ms.toFixed(0).padStart(6)} ms  ${(ms / floorMs).toFixed(2)} x floor  (${all})`);
}
const ratio = (name: string, to: string) => (median(totals[name]!) / median(totals[to]!)).toFixed(2);
console.log(`jail      ${ratio("folder", "unjailed")} x a run without it`);
console.log(`network   ${ratio("network", "folder")} x a run without it`);
console.log(
  `end       ${median(ends).toFixed(0).padStart(6)} ms  ${
    (100 * median(ends) / median(totals.folder!)).toFixed(1)
  } % of a run`,
);
console.log(await moduleExec("bench", store.env, EXECS));
const peerModule = Deno.args[Deno.args.indexOf("--msb-module") + 1];
if (Deno.args.includes("--msb-module")) console.log(await peerModuleExec(peerModule!, CASES["msb exec"]!.env!));
await machine.disposeAsync();
const sleeper = ["/bin/sh", "-c", "echo >/up/up; exec sleep 1000"];
const sleepers = { floor: floorOf(...sleeper), smolvm: smolvm("run", "-v", `${upFolder}:/up`, rootfs, ...sleeper) };
for (const [name, run] of Object.entries(sleepers)) {
  console.log(`memory of the VM's process with a guest at rest, ${name}: ${await memoryAtRest(run)}`);
}
