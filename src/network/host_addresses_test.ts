import assert from "node:assert/strict";
import { parseIp } from "./ip.ts";
import type { Ipv6 } from "./ipv6.ts";
import { HostAddresses } from "./host_addresses.ts";

const make = (...cidrs: string[]) =>
  new HostAddresses(() => cidrs.map((cidr) => ({ address: cidr.split("/")[0]!, cidr })));
const PUBLIC = "2620:fe::fe";

Deno.test("HostAddresses.has() knows all interfaces' addresses, and their subnet-router anycast addresses", () => {
  const own = make("10.1.2.3/8", "2001:db8:1::7/64", "fe80::1/64", "fd00::2/48");
  for (const text of ["10.1.2.3", "2001:db8:1::7", "2001:db8:1::", "fd00::2", "fd00::"]) {
    assert.ok(own.has(parseIp(text)!), text);
  }
  for (const text of ["10.0.0.0", "2001:db8:1::8", "2001:db8::", PUBLIC]) assert.ok(!own.has(parseIp(text)!), text);
});

Deno.test("HostAddresses.isOnLink() knows the host's IPv6 networks", () => {
  const own = make("9.9.9.9/24", "2a00:1::7/64", "2a00:2::7/128");
  for (const text of ["2a00:1::", "2a00:1::8", "2a00:2::7"]) assert.ok(own.isOnLink(parseIp(text)!), text);
  for (const text of ["9.9.9.10", "2a00:1:0:1::", "2a00:2::8"]) assert.ok(!own.isOnLink(parseIp(text)!), text);
});

Deno.test("HostAddresses.mayReach() requires a public address, or one of the same kind", () => {
  const table: [own: string[], address: string, expected: boolean][] = [
    [[], PUBLIC, false],
    [["127.0.0.1/8", "9.9.9.9/24"], PUBLIC, false],
    [["::1/128", "fe80::1/64"], PUBLIC, false],
    [["fd00::2/64"], PUBLIC, false],
    [["fd00::2/64"], "fd12::1", true],
    [["2a00::1/64"], PUBLIC, true],
    [["2a00::1/64"], "fd12::1", true],
  ];
  for (const [own, address, expected] of table) {
    assert.equal(make(...own).mayReach(parseIp(address) as Ipv6), expected, `${own}: ${address}`);
  }
});
