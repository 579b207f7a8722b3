import assert from "node:assert/strict";
import { listeningPorts } from "./namespace_ports.ts";

Deno.test("listeningPorts() finds the servers that accept connections to 127.0.0.1, and no connections", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0B00007F:0052 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:0053 0100007F:0051 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
`;
  assert.deepEqual(listeningPorts(table), [80, 81]);
  const six = "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 5\n";
  assert.deepEqual(listeningPorts(six), [8080]);
  assert.deepEqual(listeningPorts(six.replace(/0:1F90/, "1:1F90")), []);
});

Deno.test("listeningPorts() reads the kernel's own table", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ports = listeningPorts(Deno.readTextFileSync("/proc/self/net/tcp"));
  assert.ok(ports.includes((listener.addr as Deno.NetAddr).port));
});
