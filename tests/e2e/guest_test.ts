/** The guest's environment for its processes, and its protection of the VM below the kernel. */
import assert from "node:assert/strict";
import type { ExecOptions } from "../../src/mod.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

// Not below /dev: Deno denies the gateway files there, as it lacks --allow-all.
const suite = vmSuite({ parent: "/tmp" });
const { test, smolvm, rootfs } = suite;
const { create, start, stop, remove, demand, inGuest } = machineCommands(suite);

const exec = (...args: string[]) => smolvm(["exec", ...args]);

/** Whether the tests may set the host's clock: only in the emulated machine. */
const isEmulated = await Deno.stat("/run/kvm-machine").then(() => true, () => false);

/** Fails if an attack on the VM below the guest's kernel succeeded, or one of `ways` was not tried. */
function assertHeld(stdout: string, ways: string[]): void {
  assert.doesNotMatch(stdout, /OPEN/);
  for (const way of ways) assert.match(stdout, new RegExp(`^${way}$`, "m"));
}

async function assertFails(outcome: Promise<Outcome>, code: number, stderr: RegExp): Promise<void> {
  assertCode(await outcome, code);
  assert.match((await outcome).stderr, stderr);
}

test("root, users and the kernel's helpers in a guest cannot reach the VM below its kernel", async () => {
  const volume = await suite.makeFolder("attacks");
  const source = new URL("../fixtures/root_attacks.c", import.meta.url).pathname;
  const compiler = ["-std=gnu11", "-D_GNU_SOURCE", "-static", "-o", `${volume}/root_attacks`, source];
  assertCode(await runProcess("gcc", { args: compiler }), 0);
  const useful = [
    "mkdir /t && mount -t tmpfs none /t && mknod /t/node c 1 3 && chown 5:6 /t/node && stat -c %u:%g:%F /t/node",
    "ip addr add 10.9.8.7/24 dev lo && ip -o addr show lo | grep -o 10.9.8.7",
    "unshare -m chroot / echo namespace",
  ];
  const script = `/a/root_attacks && { ${useful.join("; ")}; } && exec sleep 100000`;
  await using machine = suite.start(["run", "--name", "box", "-v", `${volume}:/a:ro`, rootfs, "sh", "-c", script]);
  const [own] = await machine.untilStdout(/^.*namespace\n/s);
  const root = ["dev-mem ENOENT", "new-mem EPERM", "new-port EPERM", "kcore EPERM", "serial EPERM", "reboot EPERM"];
  const helpers = ["core", "uevent"].map((helper) => `${helper}-helper-new-mem EPERM`);
  assertHeld(own, [...root, ...helpers, "agent EPERM", "user-namespace-new-mem EPERM"]);
  assert.match(own, /^5:6:character special file\n10\.9\.8\.7\nnamespace$/m);
  assertHeld((await exec("box", "/a/root_attacks")).stdout, [...root, ...helpers]);
  const app = ["dev-mem ENOENT", "kcore EACCES", "reboot EPERM"];
  assertHeld((await exec("-u", "app", "box", "/a/root_attacks")).stdout, app);
  await assertFails(exec("-u", "app", "box", "dmesg"), 1, /Operation not permitted/);
  assert.match((await exec("-u", "app", "box", "head", "-n1", "/proc/kallsyms")).stdout, /^0{16} /);
  await stop("--timeout", "0", "box");
  assertCode(await machine.outcome, 137);
});

test("a guest behaves as in docker: numeric users, low ports, ping, /dev, and its own /etc files over a volume's", async () => {
  const etc = await suite.makeFolder("etc");
  const passwd = await Deno.readTextFile(`${rootfs}/etc/passwd`);
  await Deno.writeTextFile(`${etc}/passwd`, `1500:x:0:0::/:/bin/sh\n${passwd}`);
  await Deno.writeTextFile(`${etc}/group`, "1500:x:0:\napp:x:1000:\n");
  await Deno.writeTextFile(`${etc}/hosts`, "127.0.0.9 mine\n");
  await Deno.symlink("../run/resolv.conf", `${etc}/resolv.conf`);
  const listing = async () => (await runProcess("ls", { args: ["-lA", "--full-time", etc] })).stdout;
  const before = await listing();
  await create("box", "-v", `${etc}:/etc`, "-w", "/made", "--net", rootfs, "sh", "-c", "pwd; exec sleep 100000");
  await start("box");
  const said = (script: string, options?: ExecOptions) => inGuest("box", script, options);
  assert.equal((await exec("-u", "1500:1500", "box", "id")).stdout, "uid=1500 gid=1500\n");
  const app = "pwd; (echo hi | nc -l -p 80 >/dev/null) & sleep 1; nc 127.0.0.1 80 </dev/null";
  assert.equal(await said(app, { user: "app" }), "/made\nhi\n");
  // busybox's ping needs a raw socket: check the setting that lets other pings work without one.
  assert.equal(await said("cat /proc/sys/net/ipv4/ping_group_range"), "0\t2147483647\n");
  const mounts =
    "df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2; mount | grep -c 'on /dev/mqueue type mqueue'";
  assert.equal(await said(`${mounts}; stat -c %a /dev/shm /dev/mqueue`), "65536\n1\n1777\n1777\n");
  const files =
    "cat /etc/hostname; grep -c localhost /etc/hosts; grep -c mine /etc/hosts; grep -c nameserver /etc/resolv.conf";
  assert.match(await said(files), /^box\n[1-9]\n0\n[1-9]\n$/);
  await assertFails(exec("-w", "/typo", "box", "true"), 127, /^smolvm: Cannot enter the working directory "\/typo"/);
  await assertFails(exec("box", "ls", "/typo"), 1, /No such file/);
  if (!isEmulated) console.log("skipped: the clock: only the emulated machine's may be set");
  for (const seconds of isEmulated ? [3_600, -3_600] : []) {
    const set = `@${Math.floor(Date.now() / 1_000) + seconds}`;
    assertCode(await runProcess("date", { args: ["-s", set] }), 0);
    await until(async () => Math.abs(Number(await said("date +%s")) - Date.now() / 1_000) < 10);
  }
  await stop("--timeout", "0", "box");
  assert.equal(await listing(), before);
  assert.equal(await Deno.readTextFile(`${etc}/hosts`), "127.0.0.9 mine\n");
  await remove("box");
});

test("a guest that runs out of memory is reported to an attached client, in list and in inspect", async () => {
  const eat = "tail /dev/zero; exit $?";
  await create("small", "--memory", "160M", rootfs, "sh", "-c", `trap '${eat}' USR1; while :; do sleep 1; done`);
  await start("small");
  const sentence = /^smolvm: The guest ran out of memory, and its kernel killed a process: see --memory$/m;
  await assertFails(exec("small", "sh", "-c", eat), 137, sentence);
  assert.doesNotMatch((await exec("small", "true")).stderr, sentence);
  const waiting = smolvm(["wait", "small"]);
  await demand(["kill", "-s", "USR1", "small"]);
  assert.equal((await waiting).stdout, "137\n");
  const [{ exitCode, oomKilled }] = JSON.parse((await demand(["inspect", "small"])).stdout);
  assert.deepEqual([exitCode, oomKilled], [137, true]);
  assert.match((await demand(["list", "-v"])).stdout, /137 \(out of memory\)/);
  await remove("small");
});
