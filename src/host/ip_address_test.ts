import assert from "node:assert/strict";
import { canonicalAddress, coversAddress, formatEndpoint, isIpAddress } from "./ip_address.ts";

Deno.test("isIpAddress() accepts addresses of both versions", () => {
  for (const text of ["0.0.0.0", "1.1.1.1", "255.255.255.255", "::", "::1", "2606:4700::1111", "::ffff:1.2.3.4"]) {
    assert.equal(isIpAddress(text), true, text);
  }
});

Deno.test("isIpAddress() refuses everything else", () => {
  const others = ["", "1.1.1", "1.1.1.1.1", "1.1.1.256", "01.1.1.1", "0x1.1.1.1", "1.1.1.1 ", "1.1.1.1\n", "-1.1.1.1"];
  for (const text of [...others, ":", ":::", "1::2::3", "[::1]", "::1%eth0", "g::1", "dns.example", "1.1.1.1:53"]) {
    assert.equal(isIpAddress(text), false, text);
  }
});

Deno.test("canonicalAddress() gives each address one spelling", () => {
  for (const text of ["::1", "0:0::1", "0000:0:0:0:0:0:0:0001"]) assert.equal(canonicalAddress(text), "::1", text);
  assert.equal(canonicalAddress("2001:DB8::"), "2001:db8::");
  assert.equal(canonicalAddress("127.0.0.1"), "127.0.0.1");
});

Deno.test("formatEndpoint() puts an IPv6 address in brackets", () => {
  assert.equal(formatEndpoint("127.0.0.1", 80), "127.0.0.1:80");
  assert.equal(formatEndpoint("::1", 80), "[::1]:80");
});

Deno.test("coversAddress() handles the wildcard addresses", () => {
  const covered = [["127.0.0.1", "127.0.0.1"], ["0.0.0.0", "127.0.0.1"], ["::", "::1"], ["::", "127.0.0.1"]];
  for (const [listening, address] of covered) assert.ok(coversAddress(listening!, address!), `${listening} ${address}`);
  const others = [["127.0.0.1", "127.0.0.2"], ["0.0.0.0", "::1"], ["127.0.0.1", "0.0.0.0"], ["::1", "::"]];
  for (const [listening, address] of others) assert.ok(!coversAddress(listening!, address!), `${listening} ${address}`);
});
