import assert from "node:assert/strict";
import { findPortHolder, socketsAt } from "./port_holder.ts";

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (local: string, state: string, inode: number) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`;
const table = (...lines: string[]) => [HEADER, ...lines, ""].join("\n");

Deno.test("socketsAt() finds only the listeners that conflict with a new one", () => {
  const text = table(
    line("0100007F:1F90", "0A", 1),
    line("0200007F:1F90", "0A", 2),
    line("00000000:1F90", "0A", 3),
    line("0100007F:1F90", "01", 4),
    line("0100007F:1F91", "0A", 5),
  );
  const at = (address: string) => socketsAt(text, { protocol: "tcp", address, port: 8080 });
  assert.deepEqual(at("127.0.0.1"), ["socket:[1]", "socket:[3]"]);
  assert.deepEqual(at("127.0.0.3"), ["socket:[3]"]);
  assert.deepEqual(at("0.0.0.0"), ["socket:[1]", "socket:[2]", "socket:[3]"]);
  assert.deepEqual(socketsAt(text, { protocol: "tcp", address: "127.0.0.1", port: 8082 }), []);
});

Deno.test("socketsAt() reads IPv6 addresses, and treats :: as including IPv4", () => {
  const text = table(
    line("00000000000000000000000001000000:0050", "0A", 1),
    line("00000000000000000000000000000000:0050", "0A", 2),
    line("B80D0120000000000000000001000000:0050", "0A", 3),
  );
  assert.deepEqual(socketsAt(text, { protocol: "tcp", address: "::1", port: 80 }), ["socket:[1]", "socket:[2]"]);
  assert.deepEqual(socketsAt(text, { protocol: "tcp", address: "2001:db8::1", port: 80 }), [
    "socket:[2]",
    "socket:[3]",
  ]);
  assert.deepEqual(socketsAt(text, { protocol: "tcp", address: "127.0.0.1", port: 80 }), ["socket:[2]"]);
});

Deno.test("socketsAt() finds nothing in a table that cannot be read", () => {
  for (const text of ["", "\n", `${HEADER}\nrubbish\n`]) {
    assert.deepEqual(socketsAt(text, { protocol: "tcp", address: "::", port: 80 }), [], text);
  }
});

Deno.test({
  name: "findPortHolder() names the listening process, for IPv4 and IPv6",
  ignore: Deno.build.os !== "linux",
  fn() {
    for (const [hostname, address] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"], ["0.0.0.0", "127.0.0.1"]] as const) {
      using listener = Deno.listen({ hostname, port: 0 });
      const { port } = listener.addr;
      const name = Deno.readTextFileSync(`/proc/${Deno.pid}/comm`).trim();
      assert.deepEqual(findPortHolder({ protocol: "tcp", address, port }), { pid: Deno.pid, name });
    }
  },
});

Deno.test("findPortHolder() finds no process for a free port", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  assert.equal(findPortHolder({ protocol: "tcp", address: "127.0.0.1", port }), undefined);
});
