import assert from "node:assert/strict";
import { hostNameservers, isLoopback, nameserversIn } from "./resolver.ts";

Deno.test("nameserversIn() returns IPv4 and IPv6 servers in the file's order", () => {
  const text =
    "# nameserver 9.9.9.9\nsearch example\nnameserver 10.0.0.2\n  nameserver\t1.1.1.1 # one\noptions ndots:2\n" +
    "nameserver 2606:4700:0::1111\nnameserver 127.0.0.53\n";
  assert.deepEqual(nameserversIn(text), ["10.0.0.2", "1.1.1.1", "2606:4700::1111", "127.0.0.53"]);
});

Deno.test("nameserversIn() leaves out invalid and link-local addresses", () => {
  assert.deepEqual(nameserversIn("nameserver fe80::1%eth0\nnameserver 1.2.3\nnameserver\n"), []);
});

Deno.test("isLoopback() is true for loopback addresses only", () => {
  assert.deepEqual(["127.0.0.53", "::1", "10.0.0.1", "1.127.0.1"].map(isLoopback), [true, true, false, false]);
});

Deno.test("hostNameservers() returns at least one server", () => {
  assert.ok(hostNameservers().length > 0);
});
