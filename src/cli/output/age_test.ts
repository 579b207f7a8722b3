import assert from "node:assert/strict";
import { formatAge } from "./age.ts";

const NOW = Date.UTC(2026, 10, 23, 12);
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

Deno.test("formatAge() uses the largest whole unit", () => {
  const ages: [seconds: number, age: string][] = [
    [0, "0 seconds"],
    [0.999, "0 seconds"],
    [1, "1 second"],
    [59.999, "59 seconds"],
    [MINUTE, "1 minute"],
    [HOUR - 1, "59 minutes"],
    [HOUR, "1 hour"],
    [2 * HOUR, "2 hours"],
    [DAY - 1, "23 hours"],
    [DAY, "1 day"],
    [400 * DAY, "400 days"],
  ];
  for (const [seconds, age] of ages) assert.equal(formatAge(new Date(NOW - seconds * 1000).toISOString(), NOW), age);
});

Deno.test("formatAge() returns 0 seconds for a time in the future, as after a clock change", () => {
  assert.equal(formatAge(new Date(NOW + 5000).toISOString(), NOW), "0 seconds");
});
