import assert from "node:assert/strict";
import { DnsForwarder, framed, type Transport, truncateToFit } from "./dns_forwarder.ts";
import { addressesIn, idOf, isTruncated, parseQuestion, withId } from "./dns_message.ts";
import { DnsSocket } from "./dns_socket.ts";
import { HostAddresses } from "./host_addresses.ts";
import { Pins } from "./pins.ts";
import { Policy } from "./policy.ts";
import { parseRules } from "./rules.ts";

/** Makes an A query for `NAME.test`. */
function queryFor(name: string): Uint8Array<ArrayBuffer> {
  const label = (text: string) => [text.length, ...new TextEncoder().encode(text)];
  return new Uint8Array([7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...label(name), ...label("test"), 0, 0, 1, 0, 1]);
}

/** Makes an answer with the address 9.9.9.10. */
function answerTo(query: Uint8Array): Uint8Array<ArrayBuffer> {
  const answer = new Uint8Array([...query, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 9, 9, 9, 10]);
  answer.set([0x81, 0x80, 0, 1, 0, 1], 2);
  return answer;
}

function makeForwarder(
  servers: string[],
  allow = "public",
  { addressesOf, hasIpv6 = true }: { addressesOf?: (name: string) => number[]; hasIpv6?: boolean } = {},
) {
  const [pins, denied] = [new Pins(), [] as string[]];
  const ownAddresses = new HostAddresses(() => []);
  const policy = new Policy({ allow: parseRules([allow]), deny: [], gateways: [], ownAddresses });
  return {
    pins,
    denied,
    forwarder: new DnsForwarder(servers, {
      policy,
      pins,
      onDenied: (name) => denied.push(name),
      mayReach: () => hasIpv6,
      addressesOf,
    }),
  };
}

const codeOf = (answer: Uint8Array | undefined) => answer![3]! & 15;

Deno.test("DnsForwarder queries with a new ID, answers with the guest's ID, and remembers the address", async () => {
  const { forwarder, pins } = makeForwarder(["192.0.2.1"]);
  const ids: number[] = [];
  const ask: Transport = (query) => {
    ids.push(idOf(query));
    return Promise.resolve(answerTo(query));
  };
  for (let time = 0; time < 4; time++) assert.equal(idOf((await forwarder.answer(queryFor("a"), ask))!), 0x0707);
  assert.ok(new Set(ids).size > 1);
  assert.deepEqual(pins.namesOf(0x0909090a), ["a.test"]);
});

Deno.test("DnsForwarder answers for machines of the guest's networks itself, regardless of rules", async () => {
  const addresses = [0xc0a87f02, 0xc0a87f03];
  const { forwarder, denied } = makeForwarder([], "other.test", {
    addressesOf: (name) => name === "db.test" ? addresses : [],
  });
  const ask = () => assert.fail("no server is asked");
  const answer = (await forwarder.answer(queryFor("db"), ask))!;
  assert.equal(codeOf(answer), 0);
  const found = addressesIn(answer, parseQuestion(answer)!);
  assert.deepEqual(found, addresses.map((address) => ({ address, seconds: 0 })));
  const AAAA = 28;
  const other = queryFor("db");
  other[other.length - 3] = AAAA;
  const empty = (await forwarder.answer(other, ask))!;
  assert.deepEqual([codeOf(empty), addressesIn(empty, parseQuestion(empty)!)], [0, []]);
  assert.equal(codeOf(await forwarder.answer(queryFor("web"), ask)), 3);
  assert.deepEqual(denied, ["web.test"]);
});

Deno.test("DnsForwarder remembers IPv6 addresses, and omits those that the host cannot reach", async () => {
  const AAAA = 28;
  const query = queryFor("a");
  query[query.length - 3] = AAAA;
  const QUAD9 = 0x2620_00fe_0000_0000_0000_0000_0000_00fen;
  const ask: Transport = (query) => {
    const answer = new Uint8Array([...query, 0xc0, 12, 0, AAAA, 0, 1, 0, 0, 1, 44, 0, 16, ...Array(16).fill(0)]);
    answer.set(Uint8Array.fromHex("262000fe0000000000000000000000fe"), answer.length - 16);
    answer.set([0x81, 0x80, 0, 1, 0, 1], 2);
    return Promise.resolve(answer);
  };
  for (const hasIpv6 of [true, false]) {
    const { forwarder, pins } = makeForwarder(["192.0.2.1"], "public", { hasIpv6 });
    const answer = (await forwarder.answer(query, ask))!;
    const found = addressesIn(answer, parseQuestion(answer)!).map(({ address }) => address);
    assert.deepEqual([codeOf(answer), found, pins.namesOf(QUAD9)], [0, ...hasIpv6 ? [[QUAD9], ["a.test"]] : [[], []]]);
    assert.equal(idOf(answer), 0x0707);
    // IPv4 addresses stay.
    const other = (await forwarder.answer(queryFor("a"), (query) => Promise.resolve(answerTo(query))))!;
    assert.equal(addressesIn(other, parseQuestion(other)!).length, 1);
  }
});

Deno.test("DnsForwarder tries the next server after a timeout or a mismatched answer", async () => {
  const { forwarder } = makeForwarder(["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  const asked: string[] = [];
  const ask: Transport = (query, server) => {
    asked.push(server);
    if (server.endsWith("1")) return Promise.reject(new Error("silence"));
    return Promise.resolve(server.endsWith("2") ? withId(answerTo(queryFor("b")), idOf(query)) : answerTo(query));
  };
  assert.equal(codeOf(await forwarder.answer(queryFor("a"), ask)), 0);
  assert.deepEqual(asked, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  assert.equal(codeOf(await forwarder.answer(queryFor("a"), () => Promise.reject(new Error("silence")))), 2);
});

Deno.test("DnsForwarder does not query names that no rule allows, and ignores answers with a wrong ID", async () => {
  const { forwarder, denied, pins } = makeForwarder(["192.0.2.1"], "b.test");
  assert.equal(codeOf(await forwarder.answer(queryFor("a"), () => assert.fail("asked"))), 3);
  assert.deepEqual(denied, ["a.test"]);
  const forged: Transport = (query) => Promise.resolve(withId(answerTo(query), (idOf(query) + 1) & 0xffff));
  assert.equal(codeOf(await forwarder.answer(queryFor("b"), forged)), 2);
  assert.deepEqual(pins.namesOf(0x0909090a), []);
  assert.equal(await forwarder.answer(answerTo(queryFor("b")), forged), undefined);
});

Deno.test("truncateToFit() truncates a long answer, so that the guest queries over TCP", () => {
  const [query, answer] = [queryFor("a"), answerTo(queryFor("a"))];
  assert.equal(truncateToFit(query, answer, 500), answer);
  const short = truncateToFit(query, answer, 20);
  assert.ok(isTruncated(short) && parseQuestion(short)?.name === "a.test");
});

Deno.test("DnsSocket answers queries in order, however they are split, and ends with the guest's data", async () => {
  const socket = new DnsSocket((query) => Promise.resolve(answerTo(query)));
  const asked = new Uint8Array([...framed(queryFor("a")), ...framed(queryFor("bc"))]);
  for (let at = 0; at < asked.length;) at += await socket.write(asked.subarray(at, at + 7));
  await socket.closeWrite();
  const said: number[] = [];
  const buffer = new Uint8Array(10);
  for (let count = await socket.read(buffer); count !== null; count = await socket.read(buffer)) {
    said.push(...buffer.subarray(0, count));
  }
  assert.deepEqual(said, [...framed(answerTo(queryFor("a"))), ...framed(answerTo(queryFor("bc")))]);
});
