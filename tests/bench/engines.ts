/**
 * Measures podman containers with crun, with runc, and in a VM: the run time, and the memory of an idle container.
 * The runs alternate, so that load on the host slows all of them equally; of the times, only the ratios are meaningful.
 *
 *     deno run -A engines.js WORK [--runs N]
 *
 * The script is bundled: WORK contains the unpacked download, as `download`. Needs root, podman, conmon, crun and runc,
 * and a KVM that boots guests.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { configurePodman } from "../helpers/podman.ts";
import { runProcess } from "../helpers/process.ts";
import { findProcesses } from "../helpers/processes.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";
import { median, runsOf, sharesOf } from "./measure.ts";

const [work] = Deno.args;
const RUNS = runsOf(Deno.args, 5);
/** Number of containers to add to the first one to measure the memory of each. */
const MORE = 3;
const RUNTIMES = ["crun", "runc", "smolvm"];

using folder = makeTempFolder();
const env = await configurePodman(folder.path, `${work}/download/smolvm-oci`);
const rootfs = `${folder.path}/rootfs`;
await buildRootfs(rootfs);

/** Runs `podman ARGS`, which must succeed, and returns its output. */
async function podman(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProcess("podman", { args, env });
  if (code !== 0) throw new Error(`podman ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** Returns the arguments for a container that runs a command. */
function container(runtime: string, ...command: string[]): string[] {
  return ["--runtime", runtime, "--network", "none", "--memory", "256m", "--rootfs", rootfs, ...command];
}

const times = new Map(RUNTIMES.map((runtime) => [runtime, [] as number[]]));
for (let run = 0; run <= RUNS; run++) {
  for (const runtime of RUNTIMES) {
    const start = performance.now();
    await podman("run", "--rm", ...container(runtime, "true"));
    // The first run fills caches.
    if (run > 0) times.get(runtime)!.push(performance.now() - start);
  }
}
const least = median(times.get("crun")!);
for (const [runtime, of] of times) {
  const [low, high] = [Math.min(...of), Math.max(...of)].map((ms) => ms.toFixed(0));
  const ratio = (median(of) / least).toFixed(2);
  console.log(`podman run --rm, ${runtime}: ${median(of).toFixed(0)} ms (${low} to ${high}), ${ratio} times crun`);
}

const up = `${folder.path}/up`;
await Deno.mkdir(up);
for (const runtime of RUNTIMES) {
  const one = await startSleeper(runtime);
  const own = processesOf(one);
  const memory = await sharesOf(own);
  const more = await Promise.all(Array.from({ length: MORE }, () => startSleeper(runtime)));
  const each = (await sharesOf([one, ...more].flatMap(processesOf)) - memory) / MORE;
  const [first, further] = [memory, each].map((mib) => mib.toFixed(1));
  const what = `memory of a container that sleeps, conmon's included, ${runtime}`;
  console.log(`${what}: ${first} MiB in ${own.length} processes; ${further} for each of ${MORE} more`);
  await podman("rm", "--force", "--time", "0", one, ...more);
  // The cleanup process that conmon starts still writes to podman's folder: wait for it.
  await until(() => [one, ...more].flatMap(processesOf).length === 0);
}

/** Starts a container and waits until it sleeps. */
async function startSleeper(runtime: string): Promise<string> {
  const name = crypto.randomUUID();
  const command = container(runtime, "sh", "-c", `echo >/up/${name}; exec sleep 1000`);
  const id = await podman("run", "--detach", "--volume", `${up}:/up`, ...command);
  await until(() => exists(`${up}/${name}`));
  return id;
}

/** Returns the processes of a container, including the engine's processes for it. */
function processesOf(id: string): number[] {
  return findProcesses((pid) => {
    const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
    // The command line of a zombie is empty.
    return command.includes(id) || command !== "" && Deno.readTextFileSync(`/proc/${pid}/cgroup`).includes(id);
  });
}
