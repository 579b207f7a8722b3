/**
 * Compares the gateway with passt, natively: a guest made of this host's kernel talks to a server on the host's
 * loopback through each of them in turn. Only the ratios are meaningful. Needs root, a C compiler and /dev/net/tun.
 *
 *     deno run -A tests/bench/network.ts [--runs N]
 *
 * Without passt (Debian: apt-get install passt), only the gateway is measured.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { writeAll } from "../../src/host/streams.ts";
import { Process } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";
import { startGateway } from "../network/gateway_process.ts";
import { buildTapGuest, sendGuest } from "../network/kernel_guest.ts";
import { median, runsOf } from "./measure.ts";

const RUNS = runsOf(Deno.args, 5);
const GATEWAY = "192.168.127.1";
const MIB = 1024 ** 2;
const GUEST = decodeURIComponent(new URL("network_guest.ts", import.meta.url).pathname);

/** The scenarios: the amount of work, and how to convert its time in ms to a result. */
const CASES: [scenario: string, size: number, unit: string, value: (ms: number, size: number) => number][] = [
  ["down", 256 * MIB, "Mbit/s", (ms, size) => size * 8 / 1000 / ms],
  ["up", 256 * MIB, "Mbit/s", (ms, size) => size * 8 / 1000 / ms],
  ["trips", 2000, "ms for each", (ms, size) => ms / size],
  ["connections", 2000, "per second", (ms, size) => size * 1000 / ms],
];

async function serve(conn: Deno.TcpConn): Promise<void> {
  using _ = conn;
  conn.setNoDelay();
  const buffer = new Uint8Array(256 * 1024);
  if (await conn.read(buffer.subarray(0, 1)) === null) return;
  const wanted = String.fromCharCode(buffer[0]!);
  if (wanted === "d") {
    for (let left = 256 * MIB; left > 0; left -= buffer.length) await writeAll(conn, buffer);
    return;
  }
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    if (wanted === "e") await writeAll(conn, buffer.subarray(0, count));
  }
  if (wanted === "u") await writeAll(conn, buffer.subarray(0, 1));
}

/** Returns the current or peak memory of a process in MiB; 0 if it has exited. */
function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const path = `/proc/${pid}/status`;
  const kib = exists(path) ? new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(Deno.readTextFileSync(path))?.[1] : undefined;
  return Number(kib ?? 0) / 1024;
}

/** The host side of a guest's link. */
interface Network extends AsyncDisposable {
  process: Process;
  socket: string;
}

using folder = makeTempFolder();
// passt drops root, and must still be able to write here.
Deno.chmodSync(folder.path, 0o777);
const program = await buildTapGuest(folder.path);
const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const { port } = server.addr;
(async () => {
  for await (const conn of server) serve(conn).catch(() => {});
})();

async function gateway(): Promise<Network> {
  const started = await startGateway({ program, folder: folder.path }, [`host:${port}`]);
  return { ...started, socket: `${started.runtimeFolder}/net.sock` };
}

async function passt(): Promise<Network> {
  const socket = `${folder.path}/${crypto.randomUUID().slice(0, 8)}.sock`;
  const args = ["-f", "-4", "-s", socket, "-a", "192.168.127.2", "-n", "24", "-g", GATEWAY, "-m", "65520"];
  const process = new Process("passt", { args: [...args, "-t", "none", "-u", "none"] });
  // passt's socket exists a moment before passt listens. In the kernel's table, flag 10000 marks a listening socket.
  const isListening = () =>
    Deno.readTextFileSync("/proc/net/unix").split("\n").some((line) =>
      line.endsWith(socket) && line.includes(" 00010000 ")
    );
  await until(isListening, { timeoutMs: 10_000 });
  return { process, socket, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

const hasPasst = await new Deno.Command("sh", { args: ["-c", "command -v passt"], stdout: "null" }).output();
if (!hasPasst.success) console.log("passt: not measured, it is not installed (apt-get install passt)");
const networks: Record<string, () => Promise<Network>> = { gateway, ...hasPasst.success ? { passt } : {} };
const measured: Record<string, Record<string, number[]>> = {};
for (let run = 0; run < RUNS; run++) {
  for (const [name, start] of Object.entries(networks)) {
    const note = (what: string, value: number) => ((measured[what] ??= {})[name] ??= []).push(value);
    for (const [scenario, size, unit, value] of CASES) {
      await using network = await start();
      const { pid } = network.process;
      if (scenario === "down") note("memory idle, MiB", memoryOf(pid, "VmRSS"));
      let most = 0;
      const watching = setInterval(() => most = Math.max(most, memoryOf(pid, "VmHWM")), 50);
      const ms = await sendGuest(network.socket, { program, main: GUEST, scenario, hostname: GATEWAY, port, size });
      clearInterval(watching);
      note(`memory at most, ${scenario}, MiB`, most);
      note(`${scenario}, ${unit}`, value(Number(ms), size));
    }
  }
}
console.log(`medians of ${RUNS} alternating runs (and all of them)`);
for (const [what, values] of Object.entries(measured)) {
  console.log(what);
  for (const [name, all] of Object.entries(values)) {
    const ratio = values.passt ? `  ${(median(all) / median(values.passt)).toFixed(2)} x passt` : "";
    console.log(
      `  ${name.padEnd(8)} ${median(all).toPrecision(4)} (${all.map((one) => one.toPrecision(3)).join(" ")})${ratio}`,
    );
  }
}
Deno.exit(0);
