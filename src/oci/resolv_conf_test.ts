import assert from "node:assert/strict";
import { withReachableNameservers } from "./resolv_conf.ts";

Deno.test("withReachableNameservers() replaces name servers on the container's loopback by the gateway, and changes nothing else", () => {
  assert.equal(
    withReachableNameservers("# docker's\nsearch example.test\nnameserver 127.0.0.11\noptions ndots:0\n"),
    "nameserver 192.168.127.1\n# docker's\nsearch example.test\noptions ndots:0\n",
  );
  const other = "nameserver 10.96.0.10\nsearch svc.cluster.local\n";
  assert.equal(withReachableNameservers(other), other);
});
