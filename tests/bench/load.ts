/**
 * Measures machines under load: files in the guest, compared with a guest of a minimal libkrun launcher; copies,
 * compared with `tar | exec` and docker's; concurrent commands and log readers; the memory of 1, 10 and 30 machines,
 * and the memory that an idle machine gives back. The runs alternate, so that load on the host slows all of them
 * equally; of the times, only the ratios are meaningful.
 *
 *     deno run -A load.js WORK [--runs N] [--emulated]
 *
 * The script is bundled: WORK contains the unpacked download, as `download`, and the program `floor` (`floor.c`). Needs
 * root; docker is measured if its daemon, its client and runc are installed. In an emulated machine, which is ten times
 * slower, the load is smaller.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { Process, runProcess } from "../helpers/process.ts";
import { findProcesses } from "../helpers/processes.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { pause, until } from "../helpers/until.ts";
import { median, progress, runsOf, sharesOf } from "./measure.ts";

const WORK = Deno.args[0]!;
const RUNS = runsOf(Deno.args, 3);
const IS_EMULATED = Deno.args.includes("--emulated");
const FILE_MIB = IS_EMULATED ? 64 : 1024;
const FILES = IS_EMULATED ? 1_000 : 20_000;
const AT_ONCE = 50;
const READERS = 20;
const LINES = 2_000;
const MACHINES = [1, 10, 30];
/** How long a guest needs to give memory back: the idle time that it waits, and the work itself. */
const IDLE_MS = 60_000;
/** How long idle machines are measured. */
const REST_MS = 10_000;

using temporary = makeTempFolder();
const folder = temporary.path;
const env = { XDG_STATE_HOME: `${folder}/state`, DOCKER_HOST: `unix://${folder}/docker.sock` };
const [root, floorRoot, volume] = [`${folder}/root`, `${folder}/floor-root`, `${folder}/volume`];
const SMOLVM = `${WORK}/download/smolvm`;
const FLOOR = [`${WORK}/floor`, `${WORK}/download/lib`] as const;

/** Runs a program, which must succeed, and returns its output. */
async function output(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProcess(command, { args, env, timeoutMs: 900_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

const smolvm = (...args: string[]) => output(SMOLVM, ...args);
const shell = (script: string) => output("/bin/sh", "-ec", script);

async function timeOf(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

/** The times of one task, in ms, by the way that it was done. */
type Samples = Record<string, number[]>;

function add(samples: Samples, way: string, ms: number): void {
  (samples[way] ??= []).push(ms);
}

/** Prints the medians, each with its ratio to the first way's. */
function print(what: string, samples: Samples): void {
  const first = median(Object.values(samples)[0]!);
  const ways = Object.entries(samples).map(([way, times]) => {
    const [ratio, all] = [(median(times) / first).toFixed(2), times.map((ms) => ms.toFixed(0)).join(" ")];
    return `${way} ${median(times).toFixed(0)} ms (${ratio} x; ${all})`;
  });
  console.log(`${what}: ${ways.join(", ")}`);
}

/** Makes a file and a tree that no guest has read. */
async function fill(given: string): Promise<void> {
  await Deno.mkdir(given, { recursive: true });
  await shell(`head -c ${FILE_MIB}M /dev/urandom >${given}/file`);
  for (let index = 0; index < FILES; index++) {
    const parent = `${given}/tree/${index % 100}`;
    if (index < 100) await Deno.mkdir(parent, { recursive: true });
    await Deno.writeTextFile(`${parent}/${index}`, "x".repeat(2048));
  }
}

/** `run PLACE GIVEN OWN` works on the files of a place and prints the start and end of each step, in seconds. */
const FILE_STEPS = `
step() {
  name=$1; shift; read -r start _ </proc/uptime; "$@" >/dev/null 2>&1; read -r end _ </proc/uptime
  echo "$place,$name,$start,$end"
}
write() { dd if=/dev/zero of=$1 bs=1M count=${FILE_MIB}; sync; }
copy() { cp -r $1 $2; sync; }
run() {
  place=$1; mkdir -p $3
  step "read a file of ${FILE_MIB} MiB" cat $2/file
  step "read it again" cat $2/file
  step "look at each of ${FILES} files" find $2/tree -size 5
  step "look at them again" find $2/tree -size 5
  step "write a file of ${FILE_MIB} MiB" write $3/file
  step "copy ${FILES} files" copy $2/tree $3/tree
}`;

async function filesInGuest(): Promise<void> {
  for (const place of [root, floorRoot, volume]) await fill(`${place}/given`);
  // The floor passes its arguments on the kernel's command line, which cannot hold a script: put it in a file.
  await Deno.writeTextFile(`${floorRoot}/steps`, `${FILE_STEPS}\nrun floor /given /own >/result`);
  const steps: Record<string, Samples> = {};
  for (let run = 0; run < RUNS; run++) {
    await output(...FLOOR, floorRoot, "/bin/sh", "/steps");
    const lines = await Deno.readTextFile(`${floorRoot}/result`) + await smolvm(
      ...["run", "-v", `${volume}:/v`, root, "sh", "-c"],
      `${FILE_STEPS}\nrun volume /v/given /v/own; run root /given /own`,
    );
    for (const [place, step, start, end] of lines.trim().split("\n").map((line) => line.split(","))) {
      add(steps[step!] ??= {}, place!, (Number(end) - Number(start)) * 1000);
    }
    for (const place of [floorRoot, volume]) await Deno.remove(`${place}/own`, { recursive: true });
    progress(`round ${run + 1} of ${RUNS} with files in the guest`);
  }
  for (const [step, samples] of Object.entries(steps)) print(step, samples);
}

/** Starts a docker daemon and a container in it; returns false if docker is not installed. */
async function startDocker(cleanup: AsyncDisposableStack): Promise<boolean> {
  try {
    await shell("command -v dockerd docker runc containerd");
  } catch {
    console.log("docker: not measured, it is not installed");
    return false;
  }
  const args = [
    ...["--host", env.DOCKER_HOST, "--data-root", `${folder}/docker`, "--exec-root", `${folder}/docker-run`],
    ...["--pidfile", `${folder}/docker.pid`, "--bridge", "none", "--iptables=false", "--storage-driver", "vfs"],
    ...["--exec-opt", "native.cgroupdriver=cgroupfs"],
  ];
  const daemon = cleanup.use(new Process("dockerd", { args, timeoutMs: 1_400_000 }));
  cleanup.defer(async () => {
    daemon.kill("SIGTERM");
    await daemon.outcome;
  });
  await until(() => exists(`${folder}/docker.sock`));
  await shell(`tar -C ${root} --exclude ./given -c . | docker import - bench`);
  await output("docker", "run", "--detach", "--network", "none", "--name", "bench", "bench", "sleep", "100000");
  cleanup.defer(() => output("docker", "rm", "--force", "bench").then(() => {}));
  return true;
}

/** Measures copies into and out of the running machine. */
async function copies(): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const hasDocker = await startDocker(cleanup);
  const given = `${volume}/given`;
  for (const [what, name] of [[`a file of ${FILE_MIB} MiB`, "file"], [`${FILES} files`, "tree"]] as const) {
    const [into, out]: [Samples, Samples] = [{}, {}];
    for (let run = 0; run < RUNS; run++) {
      const back = `${folder}/back`;
      add(into, "cp", await timeOf(() => smolvm("cp", `${given}/${name}`, "bench:/copy")));
      add(out, "cp", await timeOf(() => smolvm("cp", "bench:/copy", back)));
      await Deno.remove(back, { recursive: true });
      await smolvm("exec", "bench", "sh", "-c", "rm -r /copy; mkdir /copy; sync");
      const tar = `tar -C ${given} -c ${name}`;
      add(into, "tar | exec", await timeOf(() => shell(`${tar} | ${SMOLVM} exec -i bench tar -C /copy -x`)));
      await Deno.mkdir(back);
      const pack = `${SMOLVM} exec bench tar -C /copy -c ${name}`;
      add(out, "exec | tar", await timeOf(() => shell(`${pack} | tar -C ${back} -x`)));
      await Deno.remove(back, { recursive: true });
      await smolvm("exec", "bench", "sh", "-c", "rm -r /copy; sync");
      if (!hasDocker) continue;
      add(into, "docker cp", await timeOf(() => output("docker", "cp", `${given}/${name}`, "bench:/copy")));
      add(out, "docker cp", await timeOf(() => output("docker", "cp", "bench:/copy", back)));
      await Deno.remove(back, { recursive: true });
      await output("docker", "exec", "bench", "rm", "-r", "/copy");
    }
    print(`${what} into the guest`, into);
    print(`${what} out of the guest`, out);
    progress(`copies of ${what}`);
  }
}

/** Measures commands in the running machine: sequential, concurrent, and beside a command that uses all CPU time. */
async function execs(): Promise<void> {
  const exec = () => smolvm("exec", "bench", "true");
  const samples: Samples = {};
  for (let run = 0; run < 5 * RUNS; run++) add(samples, "one", await timeOf(exec));
  for (let run = 0; run < RUNS; run++) {
    const ms = await timeOf(() => Promise.all(Array.from({ length: AT_ONCE }, exec)));
    add(samples, `each of ${AT_ONCE} at once`, ms / AT_ONCE);
  }
  await smolvm("exec", "-d", "bench", "sh", "-c", "while [ ! -e /end ]; do :; done");
  for (let run = 0; run < 5 * RUNS; run++) add(samples, "one beside a busy one", await timeOf(exec));
  await smolvm("exec", "bench", "touch", "/end");
  print("exec", samples);
}

/** Measures how long readers of a log take to receive all its lines. */
async function logs(): Promise<void> {
  const samples: Samples = {};
  for (let run = 0; run < RUNS; run++) {
    for (const count of [1, READERS]) {
      const script = `until [ -e /go ]; do sleep 0.1; done; seq ${LINES}; exec sleep 100000`;
      await smolvm("create", "--name", "writer", root, "sh", "-c", script);
      await smolvm("start", "writer");
      const readers = Array.from({ length: count }, () => new Process(SMOLVM, { args: ["logs", "-f", "writer"], env }));
      await pause(3000);
      const ms = await timeOf(async () => {
        await smolvm("exec", "writer", "touch", "/go");
        await Promise.all(readers.map((reader) => reader.untilStdout(new RegExp(`^${LINES}$`, "m"))));
      });
      add(samples, `${count} at once`, ms);
      for (const reader of readers) await reader[Symbol.asyncDispose]();
      await smolvm("delete", "--force", "writer");
    }
  }
  print(`logs -f of ${LINES} lines`, samples);
  progress("readers of a log");
}

/** Returns the host processes of all machines. */
function ourProcesses(): number[] {
  return findProcesses((pid) => Deno.readTextFileSync(`/proc/${pid}/cmdline`).endsWith("\0__runner\0"));
}

/** Returns the host memory of all machines in MiB, including the pages of their guests. */
function ourMemory(): Promise<number> {
  return sharesOf(ourProcesses());
}

/** Returns the CPU time that all machines have used, in ms. */
function ourCpuMs(): number {
  const ticks = ourProcesses().map((pid) => {
    const [user, system] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ").slice(11, 13);
    return Number(user) + Number(system);
  });
  return ticks.reduce((sum, count) => sum + count) * 10;
}

/** Prints the resources, other than memory, that idle machines use. */
async function printRest(count: number): Promise<void> {
  const before = ourCpuMs();
  await pause(REST_MS);
  const cpuMs = (ourCpuMs() - before) / count / REST_MS * 1000;
  const pids = ourProcesses();
  const each = (list: (pid: number) => Iterable<unknown>) =>
    (pids.flatMap((pid) => [...list(pid)]).length / count).toFixed(1);
  const [files, threads] = ["fd", "task"].map((name) => each((pid) => Deno.readDirSync(`/proc/${pid}/${name}`)));
  const processes = (pids.length / count).toFixed(1);
  console.log(
    `each of ${count} at rest: ${
      cpuMs.toFixed(1)
    } ms of a processor in a second, ${processes} processes, ${threads} threads, ${files} descriptors`,
  );
}

async function memory(): Promise<void> {
  const up = `${folder}/up`;
  const sleeper = (name: string) => ["/bin/sh", "-c", `echo >/up/${name}; exec sleep 100000`];
  await Deno.mkdir(`${floorRoot}/up`);
  await Deno.mkdir(up);
  const shares: Record<string, number[]> = { smolvm: [], floor: [] };
  const name = (index: number) => `machine-${index}`;
  const last = MACHINES.at(-1)!;
  for (let index = 1; index <= last; index++) {
    const size = ["--cpus", "1", "--memory", "512"];
    await smolvm("run", "-d", "--rm", "--name", name(index), ...size, "-v", `${up}:/up`, root, ...sleeper(`${index}`));
    await until(() => exists(`${up}/${index}`));
    if (MACHINES.includes(index)) shares.smolvm!.push(await ourMemory());
  }
  await printRest(last);
  await smolvm("delete", "--force", ...Array.from({ length: last }, (_, index) => name(index + 1)));
  const floors: Process[] = [];
  for (let index = 1; index <= last; index++) {
    floors.push(new Process(FLOOR[0], { args: [FLOOR[1], floorRoot, ...sleeper(`${index}`)], timeoutMs: 1_400_000 }));
    await until(() => exists(`${floorRoot}/up/${index}`));
    if (MACHINES.includes(index)) shares.floor!.push(await sharesOf(floors.map(({ pid }) => pid)));
  }
  for (const floor of floors) await floor[Symbol.asyncDispose]();
  MACHINES.forEach((count, index) => {
    const [own, bare] = [shares.smolvm![index]!, shares.floor![index]!];
    const each = ((own - bare) / count).toFixed(1);
    console.log(`memory of ${count}: ${own.toFixed(0)} MiB, of floors ${bare.toFixed(0)} MiB, ${each} MiB more each`);
  });
  progress("the memory of many machines");
}

/** Prints a machine's memory before and after its guest reads a file, and after it was idle. */
async function givenBack(): Promise<void> {
  await smolvm("run", "-d", "--rm", "--name", "idle", "-v", `${volume}:/v`, root, "sleep", "100000");
  const rest = await ourMemory();
  await smolvm("exec", "idle", "sh", "-c", "cat /v/given/file >/dev/null");
  const full = await ourMemory();
  await pause(IDLE_MS);
  const idle = await ourMemory();
  await smolvm("delete", "--force", "idle");
  const [before, read, after] = [rest, full, idle].map((mib) => mib.toFixed(0));
  console.log(
    `memory of a machine: ${before} MiB, ${read} when it has read ${FILE_MIB} MiB, ${after} after ${IDLE_MS / 1000} s`,
  );
}

await buildRootfs(root);
// The floor needs its own root filesystem: libkrun's init makes mount points in it.
await buildRootfs(floorRoot);
await filesInGuest();
await givenBack();
await smolvm("create", "--name", "bench", root, "sleep", "100000");
await smolvm("start", "bench");
await execs();
await copies();
await smolvm("delete", "--force", "bench");
await logs();
await memory();
