import assert from "node:assert/strict";
import { Denials } from "./denials.ts";
import { describeEvent, encodeEvent, type NetworkDenial, type NetworkEvent, parseEvent, timeOfLine } from "./events.ts";

const TIME = "2026-11-23T12:00:00.000Z";
const DENIAL: NetworkDenial = {
  time: TIME,
  event: "denied",
  protocol: "tcp",
  address: "192.0.2.1",
  port: 443,
  names: ["a.test"],
  reason: "rule a.test",
  rule: "a.test",
  count: 3,
};
const COUNTERS = {
  receivedBytes: 1,
  receivedPackets: 2,
  sentBytes: 3,
  sentPackets: 4,
  connections: 5,
  openConnections: 0,
  denied: 6,
};

Deno.test("parseEvent() reads what encodeEvent() wrote, and timeOfLine() its time", () => {
  const events: NetworkEvent[] = [
    DENIAL,
    { ...DENIAL, protocol: "dns", address: null, port: null, rule: null },
    { time: TIME, event: "end", reason: null, counters: COUNTERS },
    { time: TIME, event: "end", reason: "its gateway failed with status 1", counters: null },
  ];
  for (const event of events) {
    const line = encodeEvent(event);
    assert.equal(timeOfLine(line.subarray(0, 34)), TIME);
    assert.deepEqual(parseEvent(new TextDecoder().decode(line)), event);
  }
  // smolvm-jail writes this line.
  const byJail = parseEvent(`{"time":"${TIME}","event":"end","reason":"killed"}`);
  assert.deepEqual(byJail, { time: TIME, event: "end", reason: "killed", counters: null });
});

Deno.test("parseEvent() refuses malformed lines", () => {
  const line = new TextDecoder().decode(encodeEvent(DENIAL));
  const others = [
    "",
    "null",
    "[]",
    "{}",
    line.slice(0, -3),
    line.replace('"count":3', '"count":0'),
    line.replace('"port":443', '"port":70000'),
    line.replace('"tcp"', '"sctp"'),
    line.replace('"count"', '"more":1,"count"'),
    line.replace("a.test", "a".repeat(5000)),
  ];
  for (const other of others) assert.equal(parseEvent(other), undefined, other.slice(0, 80));
});

Deno.test("describeEvent() replaces control characters from the guest", () => {
  assert.equal(describeEvent(DENIAL), "denied tcp 192.0.2.1:443 (a.test): rule a.test, 3 times");
  const hostile = { ...DENIAL, address: null, names: ["a\x1b[2J\n"], count: 1 };
  assert.equal(describeEvent(hostile), "denied tcp a?[2J?: rule a.test");
});

Deno.test("Denials limits reports of the same denial, and counts all denials", () => {
  const told: NetworkEvent[] = [];
  const denials = new Denials((denial) => told.push(denial));
  const { time: _time, event: _event, count: _count, ...refusal } = DENIAL;
  for (let time = 0; time < 5; time++) denials.add(refusal);
  denials.add({ ...refusal, port: 80 });
  assert.deepEqual([denials.total, told.length], [6, 2]);
  for (let port = 1; port < 5000; port++) denials.add({ ...refusal, port });
  assert.equal(denials.total, 6 + 4999);
});
