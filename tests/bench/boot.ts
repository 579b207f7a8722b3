/**
 * How long a microVM takes by the download, against libkrun's own floor: a bare launcher in C that boots the same root
 * filesystem. The runs alternate, so that whatever slows this host down slows all of them; only the ratios mean
 * anything.
 *
 *     deno run -A tests/bench/boot.ts TARBALL [--runs N]
 *
 * @module
 */

import { buildImage, makeImageStore } from "../fixtures/images.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { median, runsOf } from "./measure.ts";

const RUNS = runsOf(Deno.args, 5);
const IMAGE = "localhost/bench:latest";
const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

await using store = await makeImageStore();
const rootfs = `${store.folder}/rootfs`;
await buildRootfs(rootfs);
await buildImage(store, { name: IMAGE, rootfs });
// Its own: libkrun's init makes mount points in the floor's root.
const floorRootfs = `${store.folder}/floor-rootfs`;
await buildRootfs(floorRootfs);
const floor = `${store.folder}/floor`;
await output("cc", ["-O2", "-o", floor, `${ROOT}tests/bench/floor.c`, "-ldl"]);

using download = makeTempFolder();
await output("tar", ["-xzf", Deno.args[0]!, "-C", download.path, "--strip-components", "1"]);

const smolvm = (...args: string[]) => ({ command: `${download.path}/smolvm`, args });
const floorOf = (...args: string[]) => ({ command: floor, args: [`${download.path}/lib`, floorRootfs, ...args] });

/** A program and its arguments. */
interface Run {
  command: string;
  args: string[];
}

// What the CLI and the runner cannot be without: Deno's own start, twice.
const nothing = `${store.folder}/nothing.js`;
await Deno.writeTextFile(nothing, "");
const deno = { command: Deno.execPath(), args: ["run", "--no-config", "--no-lock", "--no-check", nothing] };

const CASES: Record<string, Run> = {
  floor: floorOf("/bin/true"),
  deno,
  folder: smolvm("run", rootfs, "true"),
  image: smolvm("run", IMAGE, "true"),
  exec: smolvm("exec", "bench", "true"),
};

// For a command in a machine that runs already.
const { command: program } = smolvm();
await output(program, ["create", "--name", "bench", rootfs, "sleep", "100000"]);
await using machine = new AsyncDisposableStack();
machine.defer(() => output(program, ["delete", "--force", "bench"]));
await output(program, ["start", "bench"]);

/** Milliseconds from a program's start to its end, and from its last output to its end. */
async function time({ command, args }: Run): Promise<{ totalMs: number; endMs: number }> {
  const start = performance.now();
  const child = new Deno.Command(command, { args, env: store.env, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
  const stderr = new Response(child.stderr).text();
  let last = start;
  for await (const _ of child.stdout) last = performance.now();
  const { code } = await child.status;
  const end = performance.now();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${await stderr}`);
  return { totalMs: end - start, endMs: end - last };
}

async function output(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, env: store.env, stdout: "null", stderr: "piped" })
    .output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
}

/** Resident memory of the process that runs the VM while the guest sleeps, in MiB: the guest's own pages included. */
async function residentMib({ command, args }: Run): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  const child = new Deno.Command(command, { args, env: store.env, stdin: "null", stdout: "piped", stderr: "null" })
    .spawn();
  const reader = child.stdout.getReader();
  cleanup.defer(async () => {
    child.kill("SIGKILL");
    await reader.cancel();
    await child.status;
  });
  // The guest says that it is up.
  await reader.read();
  for await (const { name } of Deno.readDir("/proc")) {
    const text = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (!text.endsWith("\0__runner\0")) continue;
    const status = await Deno.readTextFile(`/proc/${name}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
  }
  throw new Error("No runner");
}

// The first run of each fills caches; that of the image also mounts it.
for (const run of Object.values(CASES)) await time(run);
const totals: Record<string, number[]> = Object.fromEntries(Object.keys(CASES).map((name) => [name, []]));
const ends: number[] = [];
const wholes: number[] = [];
for (let round = 0; round < RUNS; round++) {
  for (const [name, run] of Object.entries(CASES)) totals[name]!.push((await time(run)).totalMs);
  const { totalMs, endMs } = await time(smolvm("run", rootfs, "echo", "done"));
  ends.push(endMs);
  wholes.push(totalMs);
}

const floorMs = median(totals.floor!);
console.log(`median of ${RUNS} alternating runs`);
for (const [name, values] of Object.entries(totals)) {
  const ms = median(values);
  const all = values.map((value) => value.toFixed(0)).join(" ");
  console.log(`${name.padEnd(8)} ${ms.toFixed(0).padStart(6)} ms  ${(ms / floorMs).toFixed(2)} x floor  (${all})`);
}
console.log(
  `end      ${median(ends).toFixed(0).padStart(6)} ms  ${(100 * median(ends) / median(wholes)).toFixed(1)} % of a run`,
);
await machine.disposeAsync();
const runner = await residentMib(smolvm("run", rootfs, "sh", "-c", "echo up; sleep 60"));
console.log(`memory of the runner with a guest at rest: ${runner.toFixed(0)} MiB`);
