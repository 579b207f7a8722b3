import assert from "node:assert/strict";
import { PROTOCOL } from "./ip_packet.ts";
import { requestOf } from "./member_packet.ts";
import { FLAG } from "./tcp_segment.ts";

/** Calls `requestOf()` for a packet with that protocol, first ICMP byte or TCP flags. */
function ask(protocol: number, { flags = 0, first = 0, size = 40 } = {}) {
  const view = new DataView(new ArrayBuffer(size));
  if (size > 3) view.setUint16(2, 5432);
  if (protocol === PROTOCOL.tcp && size > 13) view.setUint8(13, flags);
  if (protocol === PROTOCOL.icmp && size > 0) view.setUint8(0, first);
  return requestOf(view, { protocol, start: 0, source: 1, destination: 2, payload: 0, end: size });
}

Deno.test("requestOf() distinguishes requests, answers, and packets that are not forwarded", () => {
  const { syn, ack, rst, fin } = FLAG;
  assert.deepEqual(ask(PROTOCOL.tcp, { flags: syn }), { protocol: "tcp", port: 5432 });
  // Kernels accept this combination as a new connection too.
  assert.deepEqual(ask(PROTOCOL.tcp, { flags: syn | fin }), { protocol: "tcp", port: 5432 });
  for (const flags of [syn | ack, ack, rst, ack | fin]) assert.equal(ask(PROTOCOL.tcp, { flags }), "answer");
  assert.deepEqual(ask(PROTOCOL.udp), { protocol: "udp", port: 5432 });
  assert.deepEqual(ask(PROTOCOL.icmp, { first: 8 }), { protocol: "icmp", port: null });
  for (const first of [0, 3]) assert.equal(ask(PROTOCOL.icmp, { first }), "answer");
  // Redirect and address mask request.
  for (const first of [5, 17]) assert.equal(ask(PROTOCOL.icmp, { first }), undefined);
  for (const protocol of [2, 47, 132]) assert.equal(ask(protocol), undefined);
  for (const protocol of Object.values(PROTOCOL)) assert.equal(ask(protocol, { size: 7 }), undefined);
});
