import assert from "node:assert/strict";
import { reachableNameservers } from "./resolver.ts";

Deno.test("reachableNameservers() has the IPv4 servers in their order", () => {
  const text =
    "# nameserver 9.9.9.9\nsearch example\nnameserver 10.0.0.2\n  nameserver\t1.1.1.1 # one\noptions ndots:2\n";
  assert.deepEqual(reachableNameservers(text), ["10.0.0.2", "1.1.1.1"]);
});

Deno.test("reachableNameservers() leaves out the host's own and IPv6, which a guest cannot reach", () => {
  const text = "nameserver 127.0.0.53\nnameserver ::1\nnameserver 2606:4700::1111\nnameserver 127.1.2.3";
  assert.deepEqual(reachableNameservers(text), []);
  assert.deepEqual(reachableNameservers(""), []);
});
