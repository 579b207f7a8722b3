import assert from "node:assert/strict";
import { datagramTests } from "../../tests/helpers/datagram_test.ts";
import { until } from "../../tests/helpers/until.ts";
import { GUEST_LINK } from "./guest_link.ts";
import type { Flow } from "./packets.ts";
import { endpointOf, UdpRelay } from "./udp_relay.ts";

const text = (data: Uint8Array) => new TextDecoder().decode(data);
const bytes = (words: string) => new TextEncoder().encode(words);

const ENDS = { ...GUEST_LINK, hostname: "0.0.0.0" } as const;
const test = datagramTests(import.meta.url, { what: "UdpRelay", count: 2 });

function listen(port = 0): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
}

function isFree(port: number): boolean {
  try {
    listen(port).close();
    return true;
  } catch {
    return false;
  }
}

test("UdpRelay.serve() lets any client send to the guest's server, which answers from its port", async () => {
  const delivered: [Flow, string][] = [];
  const arrived = Promise.withResolvers<void>();
  const relay = new UdpRelay(ENDS, (flow, data) => {
    delivered.push([flow, text(data)]);
    arrived.resolve();
  });
  const client = listen();
  const free = listen();
  const { port } = free.addr as Deno.NetAddr;
  const { port: clientPort } = client.addr as Deno.NetAddr;
  free.close();
  const flow: Flow = { guest: GUEST_LINK.guest, guestPort: port, remote: GUEST_LINK.gateway, remotePort: clientPort };
  const to = { hostname: "127.0.0.1", port: clientPort };
  // The port sends before it is known to be a server's.
  relay.send(flow, bytes("early"), to);
  assert.notEqual(((await client.receive())[1] as Deno.NetAddr).port, port);
  assert.ok(!relay.isAnswer(flow, to));

  relay.serve(new Set([port]));
  await client.send(bytes("question"), { transport: "udp", hostname: "127.0.0.1", port });
  await arrived.promise;
  assert.deepEqual(delivered, [[flow, "question"]]);
  assert.ok(relay.isAnswer(flow, to));
  assert.ok(!relay.isAnswer(flow, endpointOf(GUEST_LINK.gateway, clientPort)));
  relay.send(flow, bytes("answer"), to);
  const [answer, from] = await client.receive();
  assert.deepEqual([text(answer), (from as Deno.NetAddr).port], ["answer", port]);

  relay.serve(new Set());
  assert.ok(!relay.isAnswer(flow, to));
  await until(() => isFree(port));
  client.close();
});

test("UdpRelay uses another host port if a server's port is in use", async () => {
  const relay = new UdpRelay(ENDS, () => {});
  const [client, other] = [listen(), listen()];
  const { port } = other.addr as Deno.NetAddr;
  const { port: remotePort } = client.addr as Deno.NetAddr;
  relay.serve(new Set([port]));
  const flow: Flow = { guest: GUEST_LINK.guest, guestPort: port, remote: GUEST_LINK.gateway, remotePort };
  relay.send(flow, bytes("hello"), { hostname: "127.0.0.1", port: remotePort });
  assert.equal(text((await client.receive())[0]), "hello");
  relay.serve(new Set());
  client.close();
  other.close();
});
