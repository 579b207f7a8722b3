import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { datagramTests } from "../../tests/helpers/datagram_test.ts";
import { freePort } from "../../tests/helpers/free_port.ts";
import { until } from "../../tests/helpers/until.ts";
import { GUEST_LINK } from "./guest_link.ts";
import type { Flow } from "./packets.ts";
import { PublishedDatagrams } from "./published_datagrams.ts";

const test = datagramTests(import.meta.url, { what: "PublishedDatagrams", count: 2 });

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

/** Publishes one port of the host, and records the flows that the guest sees. */
function publish() {
  const hostPort = freePort();
  const published = PublishedDatagrams.listen([{ address: "127.0.0.1", hostPort, guestPort: 53 }]);
  const flows: Flow[] = [];
  published.attach(GUEST_LINK, (flow) => flows.push(flow));
  const send = async (client: Socket) => {
    const { length } = flows;
    client.send("a", hostPort, "127.0.0.1");
    await until(() => flows.length > length);
    return flows.at(-1)!;
  };
  return { published, send, [Symbol.dispose]: () => published[Symbol.dispose]() };
}

test("PublishedDatagrams forgets only the least recently active client above its limit", async () => {
  using port = publish();
  const clients: Socket[] = [];
  const flows: Flow[] = [];
  for (let count = 0; count < 256; count++) {
    clients.push(await bound());
    flows.push(await port.send(clients.at(-1)!));
  }
  assert.deepEqual(await port.send(clients[0]!), flows[0]);
  assert.ok(flows.every((flow) => port.published.hasClient(flow)));
  clients.push(await bound());
  flows.push(await port.send(clients.at(-1)!));
  assert.deepEqual(flows.filter((flow) => !port.published.hasClient(flow)), [flows[1]]);
  for (const client of clients) client.close();
});

test("PublishedDatagrams identifies a client by all addresses and ports of its flow", async () => {
  using port = publish();
  const client = await bound();
  const flow = await port.send(client);
  assert.deepEqual(flow, {
    guest: GUEST_LINK.guest,
    guestPort: 53,
    remote: GUEST_LINK.gateway,
    remotePort: client.address().port,
  });
  const others = [{ guestPort: 54 }, { remotePort: flow.remotePort - 1 }, { remote: 0x7f000001 }];
  for (const other of others) assert.ok(!port.published.hasClient({ ...flow, ...other }));
  client.close();
});
