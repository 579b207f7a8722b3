/**
 * Measures the time that smolvm adds to a VM, natively, on a host that cannot boot VMs: a stub (`stub_krun.c`) replaces
 * libkrun.
 *
 *     deno run -A tests/bench/native.ts [--runs N] FOLDER...
 *
 * Each FOLDER contains a `smolvm`: a checkout, or an unpacked download. Their runs alternate, so that load on the host
 * slows all of them equally; only the differences from the first folder are meaningful. CPU time is the sum over all
 * processes; it varies less than the elapsed time. Needs root, a /dev/kvm and a C compiler.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { buildStubKrun } from "../helpers/stub_krun.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { median, memoryOf, moduleExec, runsOf } from "./measure.ts";

const RUNS = runsOf(Deno.args, 15);
const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);
/** A kernel module with which smolvm refuses the host, because VMs do not boot. This benchmark boots none. */
const PVM = "/sys/module/kvm_pvm";

if (exists(PVM)) {
  // Hide the module from this program and its children.
  const hide = 'mount -t tmpfs none /sys/module && exec "$@"';
  const self = [Deno.execPath(), "run", "-A", "--no-check", "--cached-only", import.meta.filename!, ...Deno.args];
  const { code } = await new Deno.Command("unshare", { args: ["--mount", "sh", "-c", hide, "sh", ...self] }).spawn()
    .status;
  Deno.exit(code);
}

const folders = Deno.args.filter((arg, index) => arg !== "--runs" && Deno.args[index - 1] !== "--runs");
using work = makeTempFolder();
const stub = `${work.path}/stub.so`;
const rootfs = `${work.path}/rootfs`;
await buildRootfs(rootfs);
const cpuTime = `${work.path}/cpu_time`;
await buildStubKrun("tests/bench/stub_krun.c", stub);
const flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O2"];
assertCode(await runProcess("cc", { args: [...flags, "-o", cpuTime, `${ROOT}tests/bench/cpu_time.c`] }), 0);
const env = {
  SMOLVM_LIBKRUN: stub,
  SMOLVM_LIBKRUNFW: stub,
  XDG_STATE_HOME: `${work.path}/state`,
  XDG_RUNTIME_DIR: `${work.path}/run`,
  XDG_CACHE_HOME: `${work.path}/cache`,
  NO_COLOR: "1",
};

/** The times of one folder's smolvm, by case. */
type Times = Record<string, number[]>;

async function smolvm(folder: string, ...args: string[]): Promise<void> {
  assertCode(await runProcess(`${folder}/smolvm`, { args, env }), 0);
}

/** Ms since 1970. */
const now = () => performance.timeOrigin + performance.now();

function note(times: Times, measured: Record<string, number>): void {
  for (const [name, ms] of Object.entries(measured)) (times[name] ??= []).push(ms);
}

/** Runs a program once and records its times under `name`. */
async function take(times: Times, name: string, folder: string, ...args: string[]) {
  const begun = now();
  const outcome = await runProcess(cpuTime, { args: [`${folder}/smolvm`, ...args], env });
  const end = now();
  assertCode(outcome, 0);
  note(times, { [name]: end - begun, [`  ${name}: CPU time`]: Number(outcome.stderr.trimEnd().split("\n").at(-1)) });
  return { begun, end, stdout: outcome.stdout };
}

async function measure(folder: string, machine: string, times: Times): Promise<void> {
  for (const [name, ...flags] of [["run"], ["run --net", "--net"]] as const) {
    const { begun, end, stdout } = await take(times, name, folder, "run", ...flags, rootfs, "true");
    const [vm, command] = stdout.split(" ").map(Number);
    const phases = {
      "to the VM's start": vm! - begun,
      "to its command": command! - vm!,
      "command to end": end - command!,
    };
    for (const [phase, ms] of Object.entries(phases)) note(times, { [`  ${name}: ${phase}`]: ms });
  }
  await take(times, "run without a jail", folder, "run", "--insecure-no-jail", rootfs, "true");
  // An earlier version may not have the command.
  if ((await runProcess(`${folder}/smolvm`, { args: ["warm"], env })).code === 0) {
    const warm = await take(times, "warm run", folder, "run", rootfs, "true");
    const started = Number(warm.stdout.split(" ")[1]);
    note(times, { "  to its command": started - warm.begun, "  its command to end": warm.end - started });
    await smolvm(folder, "warm", "--count", "0");
  }
  await take(times, "exec", folder, "exec", machine, "true");
  await take(times, "--version", folder, "--version");
  await take(times, "run --help", folder, "run", "--help");
}

/** Measures the host memory of a machine's runner, without a guest. */
async function memoryOfMachine(folder: string, machine: string): Promise<string> {
  const { stdout } = await runProcess(`${folder}/smolvm`, { args: ["inspect", machine], env });
  return await memoryOf(JSON.parse(stdout)[0].pid);
}

await using machines = new AsyncDisposableStack();
const all = folders.map((folder, index) => ({ folder, machine: `bench-${index}`, times: {} as Times }));
for (const { folder, machine } of all) {
  await smolvm(folder, "create", "--name", machine, rootfs, "sleep", "100000");
  machines.defer(async () => void await smolvm(folder, "delete", "--force", machine));
  await smolvm(folder, "start", machine);
  await measure(folder, machine, {}); // fills caches
}
for (let run = 0; run < RUNS; run++) {
  for (const { folder, machine, times } of run % 2 ? all.toReversed() : all) await measure(folder, machine, times);
}
console.log(`medians (and least) of ${RUNS} alternating runs, ms; the stub's guest boots in 60`);
for (const { folder, machine, times } of all) {
  console.log(folder);
  console.log(`  memory of a runner without a guest: ${await memoryOfMachine(folder, machine)}`);
  for (const [name, values] of Object.entries(times)) {
    const ms = median(values);
    const first = median(all[0]!.times[name]!);
    const less = folder === folders[0] ? "" : `  ${(ms - first).toFixed(1).padStart(6)}`;
    console.log(`  ${name.padEnd(30)} ${ms.toFixed(1).padStart(6)} (${Math.min(...values).toFixed(1)})${less}`);
  }
}
console.log(await moduleExec(all[0]!.machine, env, 1000));
