/**
 * What a container of podman takes: how long, with crun, with runc, and in a VM, and the memory of one that does nothing.
 * The runs alternate, so that whatever slows this host down slows all of them; of the times only the ratios mean anything.
 *
 *     deno run -A engines.js WORK [--runs N]
 *
 * It is bundled: WORK has the unpacked download, as `download`. Needs root, podman, conmon, crun and runc, and a KVM
 * that boots guests.
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
/** How many containers are added to the first, for what each takes of the memory. */
const MORE = 3;
const RUNTIMES = ["crun", "runc", "smolvm"];

using folder = makeTempFolder();
const env = await configurePodman(folder.path, `${work}/download/smolvm-oci`);
const rootfs = `${folder.path}/rootfs`;
await buildRootfs(rootfs);

/** Runs `podman ARGS` to its end, which must be a good one. */
async function podman(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProcess("podman", { args, env });
  if (code !== 0) throw new Error(`podman ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** The arguments of a container that runs a command. */
function container(runtime: string, ...command: string[]): string[] {
  return ["--runtime", runtime, "--network", "none", "--memory", "256m", "--rootfs", rootfs, ...command];
}

const times = new Map(RUNTIMES.map((runtime) => [runtime, [] as number[]]));
for (let run = 0; run <= RUNS; run++) {
  for (const runtime of RUNTIMES) {
    const start = performance.now();
    await podman("run", "--rm", ...container(runtime, "true"));
    // The first one fills caches.
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
  // What conmon starts to clean up still writes to podman's folder.
  await until(() => [one, ...more].flatMap(processesOf).length === 0);
}

/** Starts a container, and settles when it sleeps. */
async function startSleeper(runtime: string): Promise<string> {
  const name = crypto.randomUUID();
  const command = container(runtime, "sh", "-c", `echo >/up/${name}; exec sleep 1000`);
  const id = await podman("run", "--detach", "--volume", `${up}:/up`, ...command);
  await until(() => exists(`${up}/${name}`));
  return id;
}

/** The processes of a container, and what its engine has beside it. */
function processesOf(id: string): number[] {
  return findProcesses((pid) => {
    const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
    // One that has ended, and whose end nobody has taken, has no words.
    return command.includes(id) || command !== "" && Deno.readTextFileSync(`/proc/${pid}/cgroup`).includes(id);
  });
}
