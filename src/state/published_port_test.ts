import assert from "node:assert/strict";
import { makeRecord, withMachines, writeRunning } from "../../tests/helpers/machines.ts";
import { pause } from "../../tests/helpers/until.ts";
import { acquireLock } from "../host/lock.ts";
import { identifyProcess } from "../host/process_identity.ts";
import { machineLock, persistentFolders } from "./machine_folders.ts";
import { createMachine } from "./machines.ts";
import { listenAt } from "./published_port.ts";

const at = (hostPort: number, address = "127.0.0.1") => ({
  protocol: "tcp" as const,
  address,
  hostPort,
  guestPort: 80,
});

/** Listens on a port of this process. */
function takePort() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}

Deno.test("listenAt() listens on the address, and again right after it was closed", async () => {
  let port: number;
  {
    using taken = takePort();
    port = taken.port;
    using elsewhere = await listenAt(at(port, "127.0.0.2"));
    assert.deepEqual({ ...elsewhere.addr }, { transport: "tcp", hostname: "127.0.0.2", port });
  }
  for (let time = 0; time < 2; time++) {
    using listener = await listenAt(at(port));
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    (await listener.accept()).close();
    assert.equal(await client.read(new Uint8Array(1)), null);
  }
});

Deno.test({
  name: "listenAt() names the process that has the port",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using taken = takePort();
    const name = Deno.readTextFileSync("/proc/self/comm").trim();
    for (const address of ["127.0.0.1", "0.0.0.0"]) {
      await assert.rejects(listenAt(at(taken.port, address)), {
        code: "port",
        message: `Cannot publish port ${taken.port} of ${address}: it is taken by ${name} (PID ${Deno.pid})`,
      });
    }
  },
});

Deno.test({
  name: "listenAt() names the machine that has the port",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withMachines(async () => {
      using taken = takePort();
      const record = makeRecord({ ports: [at(taken.port)] });
      await createMachine(record, () => {});
      const { folder } = persistentFolders(record.id);
      using _ = await acquireLock(machineLock(folder), { exclusive: true, wait: true });
      await writeRunning(folder, identifyProcess(Deno.pid)!);
      await assert.rejects(listenAt(at(taken.port)), {
        code: "port",
        message: `Cannot publish port ${taken.port} of 127.0.0.1: it is taken by machine "web"`,
      });
    }),
});

Deno.test("listenAt() retries for a moment when no process visibly holds the port", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // A connection uses the port, but no process listens on it.
  const client = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  const { port } = client.localAddr;
  const message = `Cannot publish port ${port} of 127.0.0.1: it is taken`;
  await assert.rejects(listenAt(at(port)), { code: "port", message });
  // A busy host may be slow to close the connection.
  const listening = listenAt(at(port), 60_000);
  await pause(50);
  (await server.accept()).close();
  assert.equal(await client.read(new Uint8Array(1)), null);
  client.close();
  (await listening).close();
});

Deno.test("listenAt() reports why it cannot listen on an address", async () => {
  await assert.rejects(listenAt(at(8080, "192.0.2.1")), {
    code: "port",
    message: "Cannot publish port 8080 of 192.0.2.1: Cannot assign requested address",
  });
});
