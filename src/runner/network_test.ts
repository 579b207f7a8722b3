import assert from "node:assert/strict";
import { makeRecord } from "../../tests/helpers/machines.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { Libc } from "../host/libc.ts";
import { encodeEvent, parseEvent } from "../network/events.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { networkLog, runnerLog, vmFolder } from "../state/machine_folders.ts";
import { keepEvents } from "./gateway_process.ts";
import { gatewayReady } from "./network.ts";

const LIBC = new Libc();

const specOf = (folder: string, helloTimeoutMs = 60_000) =>
  ({
    machine: makeRecord({ net: true }),
    folder,
    runtimeFolder: folder,
    networks: [] as RunnerSpec["networks"],
    helloTimeoutMs,
  }) as RunnerSpec;

Deno.test("gatewayReady() fails at once when the gateway has ended, with the reason and last messages", async () => {
  using folder = makeTempFolder();
  Deno.mkdirSync(vmFolder(folder.path));
  const time = new Date().toISOString();
  const reason = "its gateway failed with status 1";
  await Deno.writeFile(networkLog(folder.path), encodeEvent({ time, event: "end", reason, counters: null }));
  const refused = (words: string) => ({ code: "network", message: `Cannot start the machine's network: ${words}` });
  await assert.rejects(gatewayReady(LIBC, specOf(folder.path)), refused(reason));
  Deno.writeTextFileSync(runnerLog(folder.path), "error: boom\n");
  await assert.rejects(
    gatewayReady(LIBC, specOf(folder.path)),
    refused(`${reason}; its last messages:\n  error: boom`),
  );
});

Deno.test("gatewayReady() waits for the socket until a time-out", async () => {
  using folder = makeTempFolder();
  await assert.rejects(gatewayReady(LIBC, specOf(folder.path, 50)), {
    code: "network",
    message: /did not start within 0.05 s/,
  });
  const ready = gatewayReady(LIBC, specOf(folder.path));
  Deno.writeTextFileSync(`${folder.path}/net.sock`, "");
  assert.deepEqual(await ready, { authority: undefined, addresses: [] });
  // The gateway writes the guest's addresses before it listens.
  Deno.writeTextFileSync(`${folder.path}/addresses`, "10.127.0.9\n10.127.1.3\n");
  const networks = [{ name: "app", folder: "/run/net", subnet: "10.127.0.0/24" }];
  const { addresses } = await gatewayReady(LIBC, { ...specOf(folder.path), networks });
  assert.deepEqual(addresses, [0x0a7f0009, 0x0a7f0103]);
});

Deno.test("keepEvents() writes a log of limited size, and appends why a gateway failed", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/network.log`;
  const run = async (script: string) => {
    const process = new Deno.Command("sh", { args: ["-c", script], stdin: "null", stdout: "piped" }).spawn();
    await keepEvents(process, path);
    return Deno.readTextFileSync(path);
  };
  assert.equal(await run("echo told"), "told\n");
  const [told, end] = (await run("echo told; kill -9 $$")).split("\n");
  assert.equal(told, "told");
  const { time: _, ...event } = parseEvent(end!)!;
  assert.deepEqual(event, { event: "end", reason: "its gateway was ended by SIGKILL", counters: null });
  await run("yes | head -c 9000000");
  await until(() => [path, `${path}.1`].every((file) => Deno.statSync(file).size <= 4 * 1024 ** 2));
});
