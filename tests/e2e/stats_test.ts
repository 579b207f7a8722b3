/** `stats` and `top`, compared with the figures of the host's and the guest's kernels. */
import assert from "node:assert/strict";
import type { MachineStats } from "../../src/requests/stats.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { residentBytes } from "../helpers/memory.ts";
import { assertCode } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs } = suite;
const { create, start, stop, remove, listed, demand, inGuest } = machineCommands(suite);

const MIB = 1024 ** 2;
/** Uses 4 MiB of memory once it sleeps. */
const LARGE_SHELL = `x=$(head -c 4194304 /dev/zero | tr '\\0' x); sleep 1000 & wait`;

async function withMachine(body: (name: string) => Promise<void>, command = "sleep 1000 & exec sleep 2000") {
  await create("box", rootfs, "sh", "-c", command);
  await start("box");
  await body("box");
  await remove("box");
}

async function statsOf(...names: string[]): Promise<MachineStats> {
  const { stdout, stderr } = await demand(["stats", "--no-stream", "--format", "json", ...names]);
  assert.equal(stderr, "");
  const [stats, ...others] = JSON.parse(stdout);
  assert.deepEqual(others, []);
  return stats;
}

function assertNear(actual: number | null, expected: number, margin: number, what: string): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= margin, `${what} is ${actual}, expected ${expected}`);
}

test("stats prints the figures of the host and the guest", () =>
  withMachine(async (name) => {
    const { pid, id } = await listed(name);
    const stats = await statsOf(name);
    assert.deepEqual([stats.name, stats.id, stats.pid], [name, id, pid]);
    assertNear(stats.residentBytes, residentBytes(pid!), 24 * MIB, "resident memory");
    const guest = await inGuest(name, "cat /proc/meminfo");
    const kibOf = (label: string) => Number(new RegExp(`^${label}: +(\\d+) kB$`, "m").exec(guest)![1]);
    assert.equal(stats.guestMemoryBytes, kibOf("MemTotal") * 1024);
    assertNear(stats.guestUsedBytes, (kibOf("MemTotal") - kibOf("MemAvailable")) * 1024, 16 * MIB, "memory in use");
    assert.equal(stats.processes, 2);
    assert.equal(stats.diskBytes, 10 * 1024 * MIB);
    assert.deepEqual([stats.netReceivedBytes, stats.netSentBytes], [null, null]);
  }));

test("stats shows the use of memory, disk and CPU", () =>
  withMachine(async (name) => {
    const before = await statsOf();
    await inGuest(name, "head -c 33554432 /dev/urandom > /file; sync");
    assertCode(await smolvm(["exec", "-d", name, "sh", "-c", "while :; do :; done"]), 0);
    const after = await statsOf();
    const { blocks } = await Deno.stat(`${suite.state}/smolvm/machines/${after.id}/vm/disk.img`);
    assertNear(after.diskUsedBytes, blocks! * 512, MIB, "disk");
    assert.ok(after.diskUsedBytes - before.diskUsedBytes >= 32 * MIB, `${before.diskUsedBytes}`);
    assert.ok(after.residentBytes! - before.residentBytes! >= 16 * MIB, `${before.residentBytes}`);
    assert.equal(after.processes, before.processes! + 1);
    const [idle, busy] = [before.cpuPercent!, after.cpuPercent!];
    assert.ok(busy > 30 && busy > idle && busy < 400, `${idle} % to ${busy} %`);
  }));

test("stats runs until its machine stops", () =>
  withMachine(async (name) => {
    await using stats = suite.start(["stats", name]);
    const table = /^NAME .* PIDS\nbox +[\d.]+% +[\d.]+ MiB +[\d.]+ MiB \/ \d+ MiB +[\d.]+ .iB \/ 10 GiB +- +2\n/m;
    for (let times = 0; times < 2; times++) await stats.untilStdout(table);
    await stop("--force", name);
    assertCode(await stats.outcome, 0);
  }));

test("top lists the processes of the guest", () =>
  withMachine(async (name) => {
    const top = async () => {
      const [header, ...lines] = (await demand(["top", name])).stdout.trimEnd().split("\n");
      assert.match(header!, /^PID +UID +STAT +%CPU +TIME +RSS +COMMAND$/);
      return lines.map((line) => line.split(/ {2,}/));
    };
    let lines: string[][] = [];
    await until(async () => (lines = await top()).at(-1)?.[6] === "sleep 1000");
    const [shell, ...others] = lines;
    assert.deepEqual([shell![0], shell![6], others.length], ["1", `sh -c ${LARGE_SHELL}`, 1]);
    for (const [pid, uid, state] of lines) {
      const status = await inGuest(name, `cat /proc/${pid}/status`);
      assert.match(status, new RegExp(`^Uid:\\t${uid}\\t`, "m"));
      assert.match(status, new RegExp(`^State:\\t${state} `, "m"));
    }
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(await inGuest(name, `cat /proc/${shell![0]}/status`))!;
    const [, mib] = /^([\d.]+) MiB$/.exec(shell![5]!)!;
    // The resident part of mapped files changes with the processes that open them.
    assertNear(Number(mib), Number(kib) / 1024, 2, "memory of the shell in MiB");
    assert.ok(Number(mib) >= 4);
  }, LARGE_SHELL));
