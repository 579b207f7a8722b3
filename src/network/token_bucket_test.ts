import assert from "node:assert/strict";
import { TokenBucket } from "./token_bucket.ts";

Deno.test("TokenBucket keeps to its rate after a burst", () => {
  let now = 0;
  const bucket = new TokenBucket(1_000_000, () => now);
  assert.equal(bucket.take(250_000), 0);
  // Connections that share the bucket wait for each other.
  assert.equal(bucket.take(50_000), 50);
  assert.equal(bucket.take(50_000), 100);
  now += 100;
  assert.equal(bucket.take(10_000), 10);
  // After a long pause, only one burst is available.
  now += 60_000;
  assert.equal(bucket.take(260_000), 10);
});

Deno.test("TokenBucket.tryTake() refuses datagrams above the rate", () => {
  let now = 0;
  const bucket = new TokenBucket(16 * 1024, () => now);
  let sent = 0;
  for (let count = 0; count < 100; count++) sent += bucket.tryTake(1024) ? 1 : 0;
  assert.equal(sent, 16);
  now += 1000;
  assert.ok(bucket.tryTake(60_000));
  assert.ok(!bucket.tryTake(1));
});
