import assert from "node:assert/strict";
import { isIpAddress } from "./ip_address.ts";

Deno.test("isIpAddress() takes addresses of both versions", () => {
  for (const text of ["0.0.0.0", "1.1.1.1", "255.255.255.255", "::", "::1", "2606:4700::1111", "::ffff:1.2.3.4"]) {
    assert.equal(isIpAddress(text), true, text);
  }
});

Deno.test("isIpAddress() takes nothing else", () => {
  const others = ["", "1.1.1", "1.1.1.1.1", "1.1.1.256", "01.1.1.1", "0x1.1.1.1", "1.1.1.1 ", "1.1.1.1\n", "-1.1.1.1"];
  for (const text of [...others, ":", ":::", "1::2::3", "[::1]", "::1%eth0", "g::1", "dns.example", "1.1.1.1:53"]) {
    assert.equal(isIpAddress(text), false, text);
  }
});
