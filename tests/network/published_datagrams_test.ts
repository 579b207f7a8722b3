// Published UDP ports, with a gateway process and a guest that uses the host's kernel. There are no rules, as without
// --net.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { describeEvent, parseEvent } from "../../src/network/events.ts";
import { freePort } from "../helpers/free_port.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";
import { startGateway } from "./gateway_process.ts";
import { buildTapGuest } from "./kernel_guest.ts";

const GATEWAY = "192.168.127.1";
const PORT = 5353;
const folder = makeTempFolder();
let program = "";

Deno.test.beforeAll(async () => {
  program = await buildTapGuest(folder.path);
});
Deno.test.afterAll(() => folder[Symbol.dispose]());

/** Makes a UDP client with its own port. */
async function makeClient(address: string) {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  const heard: { text: string; port: number }[] = [];
  socket.on("message", (data, { port }) => heard.push({ text: `${data}`, port }));
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return {
    heard,
    port: socket.address().port,
    /** Sends datagrams to a port until it answers, and returns the answer. */
    async ask(size: number, port: number, to = address): Promise<string> {
      const asking = setInterval(() => socket.send(new Uint8Array(size), port, to), 200);
      await until(() => heard.some((answer) => answer.port === port));
      clearInterval(asking);
      return heard.find((answer) => answer.port === port)!.text;
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

Deno.test("a published UDP port relays datagrams both ways, with clients' own addresses if possible", async () => {
  const own = Deno.networkInterfaces().find(({ address }) => /^\d+\./.test(address) && !address.startsWith("127."));
  const [four, six, all] = [freePort(), freePort(), freePort()];
  const ports: [string, number][] = [["127.0.0.1", four], ["::1", six], ["::", all]];
  const published = ports.map(([address, hostPort]) => ({ address, hostPort, guestPort: PORT }));
  await using gateway = await startGateway({ program, folder: folder.path }, [], { published });
  const asked = own ? 5 : 4;
  const serving = gateway.send({ scenario: "udpAnswer", port: PORT, size: asked });
  await using v4 = await makeClient("127.0.0.1");
  await using v6 = await makeClient("::1");
  assert.equal(await v4.ask(1, four), `1 ${GATEWAY}`);
  // The same client at another host port: the guest must see it as a different sender.
  assert.equal(await v4.ask(2, all), `2 ${GATEWAY}`);
  assert.equal(await v6.ask(60_000, six), `60000 ${GATEWAY}`);
  assert.equal(await v6.ask(4, all), `4 ${GATEWAY}`);
  if (own) {
    await using other = await makeClient(own.address);
    assert.equal(await other.ask(5, all), `5 ${own.address}`);
  }
  assert.equal(await serving, asked);
  const [end, ...others] = (await gateway.process.outcome).stdout.trimEnd().split("\n").map(parseEvent);
  assert.match(describeEvent(end!), /^ended: .+ 0 denied$/);
  assert.deepEqual(others, []);
});

Deno.test("a guest with a published UDP port may send only answers to clients", async () => {
  const hostPort = freePort();
  const published = [{ address: "127.0.0.1", hostPort, guestPort: PORT }];
  await using gateway = await startGateway({ program, folder: folder.path }, [], { published });
  await using client = await makeClient("127.0.0.1");
  await using stranger = await makeClient("127.0.0.1");
  // The guest first sends to the stranger's port at the same address, then sends the answer.
  const serving = gateway.send({ scenario: "udpServe", port: PORT, size: stranger.port });
  await client.ask(3, hostPort);
  assert.equal(await serving, GATEWAY);
  assert.deepEqual(stranger.heard, []);
  const [denial] = (await gateway.process.outcome).stdout.split("\n");
  assert.match(describeEvent(parseEvent(denial!)!), new RegExp(`^denied udp ${GATEWAY}:${stranger.port}: no rule$`));
});

Deno.test("a gateway reports a UDP port that is in use, and does not start", async () => {
  await using taker = await makeClient("127.0.0.1");
  const published = [{ address: "127.0.0.1", hostPort: taker.port, guestPort: PORT }];
  const { runtimeFolder, process } = await startGateway({ program, folder: folder.path }, [], {
    published,
    awaits: "nothing",
  });
  await using _ = process;
  const [end] = (await process.outcome).stdout.split("\n");
  const message = `Cannot publish UDP port ${taker.port} of 127.0.0.1: Address already in use`;
  assert.match(describeEvent(parseEvent(end!)!), new RegExp(message));
  assert.deepEqual([...Deno.readDirSync(runtimeFolder)].map(({ name }) => name), ["network.json"]);
});
