/** The ping process of `smolvm-jail`, in a new network namespace. */
import assert from "node:assert/strict";
import { jailProgram } from "../../src/jail/prefix.ts";
import { encodeOrders } from "../../src/jail/supervisor.ts";
import { formatIp, parseIp } from "../../src/network/ip.ts";
import { Pings } from "../../src/network/pings.ts";
import { exists } from "../../src/host/files.ts";
import { Process } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";

/** Runs a script, whose `$0` is `smolvm-jail`, in a new network namespace, which allows no ping sockets by default. */
function inNamespace(script: string, { folder, mayPing }: { folder: string; mayPing: boolean }): Process {
  const allow = mayPing ? "echo 0 0 > /proc/sys/net/ipv4/ping_group_range" : "true";
  const args = ["-rn", "sh", "-c", `ip link set lo up && ${allow} && ${script}`, jailProgram()];
  return new Process("unshare", { args, env: { HOME: folder } });
}

/** Starts `smolvm-jail` with a fake gateway that prints "up" and waits for the end of its input. */
function startJail(folder: string, { mayPing }: { mayPing: boolean }): Process {
  const gateway = ["sh", "-c", "echo up; exec cat"];
  const orders = encodeOrders([
    ["w", `${folder}/events`],
    ["p", `${folder}/pings.sock`],
    ...gateway.map((word) => ["g", word] as const),
  ]);
  Deno.writeTextFileSync(`${folder}/orders`, orders);
  const command = `cat ${folder}/orders >&3; exec 3>&-; read line`;
  return inNamespace(`exec "$0" --host-network sh -c "${command}"`, { folder, mayPing });
}

const isUp = (folder: string) => exists(`${folder}/events`) && Deno.readTextFileSync(`${folder}/events`) === "up\n";

function childrenOf(pid: number): number[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
  return text.trim().split(" ").filter(Boolean).map(Number);
}

/** Returns the PID of the ping process, a child that runs the same program. */
function senderOf({ pid }: Process): number {
  const isSender = (child: number) => Deno.readTextFileSync(`/proc/${child}/cmdline`).includes("smolvm-jail");
  const sender = childrenOf(pid).find(isSender);
  assert.ok(sender !== undefined, "there is no ping process");
  return sender;
}

Deno.test("smolvm-jail sends a guest's IPv4 and IPv6 pings, and returns the replies", async () => {
  using folder = makeTempFolder();
  await using jail = startJail(folder.path, { mayPing: true });
  await until(() => isUp(folder.path));
  const conn = await Deno.connect({ transport: "unix", path: `${folder.path}/pings.sock` });
  const pings = new Pings(conn);
  const answers = new Map<string, string>();
  const received = pings.receive((remote, message) => answers.set(formatIp(remote), message.toHex()));
  await until(() => !exists(`${folder.path}/pings.sock`), { timeoutMs: 10_000 });
  const big = "cd".repeat(20_000);
  for (const [address, type] of [["127.0.0.1", "08"], ["::1", "80"]] as const) {
    pings.send(parseIp(address)!, Uint8Array.fromHex(`${type}00000012340005${big}`));
  }
  // Only messages that the kernel refuses are lost: one that is not a request, and one to an unreachable address.
  pings.send(parseIp("127.0.0.1")!, Uint8Array.fromHex("0000000012340006"));
  pings.send(parseIp("192.0.2.1")!, Uint8Array.fromHex("0800000012340007"));
  await until(() => answers.size === 2, { timeoutMs: 10_000 });
  const bodies = [...answers].map(([address, hex]) => [address, hex.slice(0, 4), hex.slice(8)]);
  assert.deepEqual(bodies.sort(), [["127.0.0.1", "0000", `12340005${big}`], ["::1", "8100", `12340005${big}`]]);

  // The ping process has no other privileges, and exits when the gateway's connection closes.
  const sender = senderOf(jail);
  assert.match(Deno.readTextFileSync(`/proc/${sender}/status`), /^NoNewPrivs:\t1\n[^]*^Seccomp:\t2\n/m);
  assert.equal([...Deno.readDirSync(`/proc/${sender}/fd`)].length, 4);
  conn.close();
  await assert.rejects(received, Deno.errors.Interrupted);
  await until(() => !exists(`/proc/${sender}/fd/0`), { timeoutMs: 10_000 });
  await jail.write("\n");
  assert.equal((await jail.outcome).code, 0);
});

Deno.test("smolvm-jail stops its ping process when it exits, and starts none if the host forbids pings", async () => {
  using folder = makeTempFolder();
  await using jail = startJail(folder.path, { mayPing: true });
  await until(() => isUp(folder.path));
  // No gateway has connected to the ping process.
  const sender = senderOf(jail);
  await jail.write("\n");
  assert.equal((await jail.outcome).code, 0);
  assert.equal(exists(`/proc/${sender}`), false);

  using other = makeTempFolder();
  await using refused = startJail(other.path, { mayPing: false });
  await until(() => isUp(other.path));
  assert.equal(await Pings.connect(`${other.path}/pings.sock`), undefined);
  await refused.write("\n");
  assert.equal((await refused.outcome).code, 0);
});

Deno.test("smolvm-jail --pings starts a ping process in the background, and exits", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/pings.sock`;
  // `read` keeps the namespace alive. `cat` ends, since the ping process closes its inherited standard output.
  await using process = inNamespace(`"$0" --pings ${path} | cat && echo up && read line`, {
    folder: folder.path,
    mayPing: true,
  });
  await process.untilStdout(/up\n/);
  using conn = await Deno.connect({ transport: "unix", path });
  const pings = new Pings(conn);
  const answer = Promise.withResolvers<string>();
  pings.receive((_remote, message) => answer.resolve(message.toHex())).catch(() => {});
  pings.send(parseIp("127.0.0.1")!, Uint8Array.fromHex("08000000123400050102"));
  assert.match(await answer.promise, /^0000....123400050102$/);
});
