import assert from "node:assert/strict";
import { frameOfIpv6 } from "../../tests/network/fake_guest.ts";
import { formatIpv6, parseIpv6, parseIpv6Address } from "./ipv6.ts";

Deno.test("parseIpv6Address() accepts every notation, and formatIpv6() returns the canonical form", () => {
  const table: [text: string, canonical: string, address: bigint][] = [
    ["::", "::", 0n],
    ["::1", "::1", 1n],
    ["0:0:0:0:0:0:0:1", "::1", 1n],
    ["1::", "1::", 1n << 112n],
    ["2001:DB8::0:1", "2001:db8::1", (0x2001_0db8n << 96n) + 1n],
    ["::ffff:127.0.0.1", "::ffff:7f00:1", 0xffff_7f00_0001n],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004_0005_0006_0007_0008n],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3", 0x0001_0000_0000_0002_0000_0000_0000_0003n],
  ];
  for (const [text, canonical, address] of table) {
    assert.deepEqual([parseIpv6Address(text), formatIpv6(address)], [address, canonical], text);
  }
  for (const text of ["", "1.2.3.4", "1:2", ":::", "1::2::3", "fe80::1%lo", "[::1]", "::12345", "::1/128", "::1 "]) {
    assert.equal(parseIpv6Address(text), undefined, text);
  }
});

Deno.test("parseIpv6() refuses short packets, other versions, and extension headers", () => {
  const frame = frameOfIpv6(new Uint8Array(30), { protocol: 6, remote: 7n, source: 5n });
  const view = new DataView(frame.buffer);
  const packet = { start: 14, protocol: 6, source: 5n, destination: 7n, payload: 54, end: 84 };
  assert.deepEqual(parseIpv6(view, 14, 84), packet);
  // Bytes after the packet are not part of it.
  view.setUint16(18, 20);
  assert.deepEqual(parseIpv6(view, 14, 84), { ...packet, end: 74 });
  view.setUint16(18, 31);
  assert.equal(parseIpv6(view, 14, 84), undefined);
  view.setUint16(18, 30);
  assert.equal(parseIpv6(view, 14, 83), undefined);
  assert.equal(parseIpv6(view, 14, 53), undefined);
  for (const protocol of [0, 43, 44, 51, 60, 135]) {
    view.setUint8(20, protocol);
    assert.equal(parseIpv6(view, 14, 84), undefined, `${protocol}`);
  }
  view.setUint8(20, 6);
  view.setUint8(14, 0x45);
  assert.equal(parseIpv6(view, 14, 84), undefined);
});
