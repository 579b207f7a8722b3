import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import type { Ipv4 } from "./ipv4.ts";
import { encodeMember, memberSocket, parseMember, readMembers } from "./member.ts";
import { Peers } from "./peers.ts";
import { memberAddresses, parseSubnet } from "./subnet.ts";

const SUBNET = "10.127.3.0/24";
const [FIRST, SECOND, THIRD] = memberAddresses(parseSubnet(SUBNET)!) as [Ipv4, Ipv4, Ipv4];

// A gateway listens until its process exits, so these tests leave resources open.
const test = (name: string, fn: (folder: string) => Promise<void>) =>
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      using folder = makeTempFolder();
      await fn(folder.path);
    },
  });

const join = (folder: string, name: string, aliases: string[] = []) =>
  Peers.join({ folder, network: "app", subnet: SUBNET, name, aliases });

/** Records the source addresses of the packets that a machine receives. */
function sourcesAt(peers: Peers): Ipv4[] {
  const sources: Ipv4[] = [];
  peers.attach({ onPacket: (_, { source }) => sources.push(source), onPause() {} });
  return sources;
}

function packet(source: Ipv4, destination: Ipv4): Uint8Array {
  const view = new DataView(new ArrayBuffer(28));
  view.setUint8(0, 0x45);
  view.setUint16(2, 28);
  view.setUint32(12, source);
  view.setUint32(16, destination);
  return new Uint8Array(view.buffer);
}

function frame(bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + bytes.length);
  new DataView(framed.buffer).setUint32(0, bytes.length);
  framed.set(bytes, 4);
  return framed;
}

test("Peers.join() gives each machine an address, and all machines know each other by name", async (folder) => {
  const db = await join(folder, "db", ["Primary"]);
  const web = await join(folder, "web.1", ["primary"]);
  assert.deepEqual([db.address, web.address], [FIRST, SECOND]);
  assert.deepEqual(web.namesOf(FIRST), ["db", "db.app", "primary", "primary.app"]);
  await until(() => db.namesOf(SECOND) !== undefined);
  assert.equal(db.namesOf(THIRD), undefined);
  for (const peers of [db, web]) {
    assert.deepEqual(peers.addressesOf("primary.app").sort(), [FIRST, SECOND]);
    assert.deepEqual(peers.addressesOf("web.1"), [SECOND]);
    assert.deepEqual(peers.addressesOf("db.other"), []);
  }
  const members = await readMembers(folder, SUBNET);
  assert.deepEqual(members.map(({ name, address }) => [name, address]), [["db", FIRST], ["web.1", SECOND]]);
  const sources = sourcesAt(db);
  web.send(FIRST, packet(SECOND, FIRST));
  await until(() => sources.length === 1);
});

test("Peers.join() reuses the address of a machine whose gateway was killed", async (folder) => {
  await Deno.writeTextFile(memberSocket(folder, FIRST), "");
  const { address } = await join(folder, "db");
  assert.equal(address, FIRST);
});

test("Peers drops packets with another machine's source or destination address", async (folder) => {
  const db = await join(folder, "db");
  const sources = sourcesAt(db);
  const web = await join(folder, "web");
  for (const [source, destination] of [[THIRD, FIRST], [FIRST, FIRST], [SECOND, THIRD], [SECOND, FIRST]] as const) {
    web.send(FIRST, packet(source, destination));
  }
  await until(() => sources.length > 0);
  assert.deepEqual(sources, [SECOND]);
});

test("Peers refuses machines with used, own, foreign or malformed addresses", async (folder) => {
  const db = await join(folder, "db");
  const sources = sourcesAt(db);
  const web = await join(folder, "web");
  await until(() => db.namesOf(SECOND) !== undefined);
  for (const address of [FIRST, SECOND, 0x7f000001, 0xc0a87f02, FIRST - 1, FIRST + 253]) {
    using conn = await Deno.connect({ transport: "unix", path: memberSocket(folder, FIRST) });
    await conn.write(frame(encodeMember({ address, name: "web", aliases: ["evil"] })));
    await conn.write(frame(packet(address, FIRST)));
    // The gateway sends its own record and closes the connection.
    await new Response(conn.readable).text().catch(() => {});
  }
  for (const garbage of ["{}", "x".repeat(20), '{"address":"10.127.3.9","name":7,"aliases":[]}']) {
    using conn = await Deno.connect({ transport: "unix", path: memberSocket(folder, FIRST) });
    await conn.write(frame(new TextEncoder().encode(garbage)));
    await new Response(conn.readable).text().catch(() => {});
  }
  assert.deepEqual(db.addressesOf("evil"), []);
  assert.deepEqual(sources, []);
  web.send(FIRST, packet(SECOND, FIRST));
  await until(() => sources.length > 0);
});

test("Peers forgets a machine that is gone", async (folder) => {
  const db = await join(folder, "db");
  {
    using conn = await Deno.connect({ transport: "unix", path: memberSocket(folder, FIRST) });
    await conn.write(frame(encodeMember({ address: THIRD, name: "late", aliases: [] })));
    await until(() => db.addressesOf("late").length === 1);
  }
  await until(() => db.addressesOf("late").length === 0);
  db.send(THIRD, packet(FIRST, THIRD));
});

Deno.test("parseMember() reads what encodeMember() writes", () => {
  const member = { address: THIRD, name: "db", aliases: ["a", "b.c"] };
  assert.deepEqual(parseMember(encodeMember(member)), member);
});
