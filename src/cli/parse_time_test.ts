import assert from "node:assert/strict";
import { InvalidArgumentError } from "./invalid_argument.ts";
import { parseTime } from "./parse_time.ts";

Deno.test("parseTime() accepts RFC 3339, and uses local time without a time zone", () => {
  const times = {
    "2026-11-23T12:00:00Z": "2026-11-23T12:00:00.000Z",
    "2026-11-23T12:00:00.123456789+01:00": "2026-11-23T11:00:00.123Z",
    "2026-11-23T12:00Z": "2026-11-23T12:00:00.000Z",
    "2026-11-23T12:00:07": new Date(2026, 10, 23, 12, 0, 7).toISOString(),
    "2026-11-23": new Date(2026, 10, 23).toISOString(),
  };
  for (const [text, time] of Object.entries(times)) assert.equal(parseTime(text).toISOString(), time, text);
});

Deno.test("parseTime() accepts seconds since 1970", () => {
  for (const [text, ms] of [["0", 0], ["1795435200", 1795435200_000], ["1.5", 1500]] as const) {
    assert.equal(parseTime(text).getTime(), ms);
  }
});

Deno.test("parseTime() accepts an age", () => {
  const ages = { "90s": 90, "10m": 600, "1h30m": 5400, "2d": 172_800, "1d1h1m1s": 90_061, "0.5h": 1800, "0s": 0 };
  for (const [text, seconds] of Object.entries(ages)) {
    const before = Date.now();
    const start = parseTime(text).getTime() + seconds * 1000;
    assert.ok(before <= start && start <= Date.now(), text);
  }
});

Deno.test("parseTime() refuses an invalid time, or one that no log can have", () => {
  const none = [
    "",
    "now",
    "10x",
    "m",
    "1m1h",
    "-5m",
    "1.2.3s",
    "12:00",
    "2026-13-01",
    "2026-02-30",
    "2026-11-23 12:00",
  ];
  for (const text of [...none, "2026-11-23Z", "99999999999999", "99999999d", "1e3"]) {
    assert.throws(() => parseTime(text), InvalidArgumentError, text);
  }
});
