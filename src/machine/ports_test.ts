import assert from "node:assert/strict";
import { checkPorts, resolvePorts } from "./ports.ts";

const port = (address: string, hostPort: number, guestPort = 80) => ({
  protocol: "tcp" as "tcp" | "udp",
  address,
  hostPort,
  guestPort,
});

Deno.test("resolvePorts() keeps ports that have a number, even the same number at different addresses", () => {
  const ports = [port("127.0.0.1", 80), port("127.0.0.2", 80), port("::1", 80), port("127.0.0.1", 81)];
  assert.deepEqual(resolvePorts(ports), ports);
});

Deno.test("resolvePorts() finds a free port for each host port 0", () => {
  const resolved = resolvePorts([port("127.0.0.1", 0, 1), port("127.0.0.1", 0, 2), port("0.0.0.0", 0, 3)]);
  assert.deepEqual(resolved.map(({ guestPort }) => guestPort), [1, 2, 3]);
  assert.equal(new Set(resolved.map(({ hostPort }) => hostPort)).size, 3);
  for (const { address, hostPort } of resolved) Deno.listen({ hostname: address, port: hostPort }).close();
});

Deno.test("resolvePorts() refuses the same port twice, even when one address is a wildcard", () => {
  const clashes = [["127.0.0.1", "127.0.0.1"], ["0.0.0.0", "127.0.0.1"], ["127.0.0.1", "0.0.0.0"], ["127.0.0.1", "::"]];
  for (const [first, second] of clashes) {
    assert.throws(() => resolvePorts([port(first!, 80, 1), port(second!, 80, 2)]), {
      code: "port",
      message: `Cannot publish two ports at ${second === "::" ? "[::]" : second}:80`,
    });
  }
});

Deno.test("resolvePorts() accepts the same port for TCP and UDP, and refuses too many UDP ports", () => {
  const udp = (hostPort: number) => ({ ...port("127.0.0.1", hostPort), protocol: "udp" as const });
  const ports = [port("127.0.0.1", 53), udp(53)];
  assert.deepEqual(resolvePorts(ports), ports);
  assert.throws(() => resolvePorts([...ports, udp(53)]), { message: "Cannot publish two ports at 127.0.0.1:53/udp" });
  const many = Array.from({ length: 129 }, (_, index) => udp(1000 + index));
  assert.equal(resolvePorts(many.slice(1)).length, 128);
  assert.throws(() => resolvePorts(many), { message: "Cannot publish more than 128 UDP ports of a machine" });
});

Deno.test("resolvePorts() refuses an address that is not the host's", () => {
  assert.throws(() => resolvePorts([port("192.0.2.1", 0)]), {
    code: "port",
    message: "Cannot publish a port of 192.0.2.1: Cannot assign requested address",
  });
});

Deno.test("checkPorts() refuses a taken port, and leaves free ports free", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [free] = resolvePorts([port("127.0.0.1", 0)]);
  const ports = [free!, port("127.0.0.1", taken.addr.port)];
  await assert.rejects(checkPorts({ ports }), { code: "port", message: /: it is taken/ });
  for (let time = 0; time < 2; time++) await checkPorts({ ports: [free!] });
});
