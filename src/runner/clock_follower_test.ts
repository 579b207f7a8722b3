import assert from "node:assert/strict";
import { MSG } from "../protocol/constants.ts";
import { encodeClock } from "../protocol/messages.ts";
import { ClockFollower } from "./clock_follower.ts";

/** A follower of fake clocks. */
function follow() {
  const now = { wallMs: 1_000_000, monotonicMs: 5_000 };
  const told: Uint8Array[] = [];
  const agent = {
    send(type: number, stream?: number, payload?: Uint8Array) {
      assert.deepEqual([type, stream], [MSG.CLOCK, 0]);
      told.push(payload!);
    },
  };
  const follower = new ClockFollower(agent, { wall: () => now.wallMs, monotonic: () => now.monotonicMs });
  return {
    [Symbol.dispose]: () => follower[Symbol.dispose](),
    /** Advances the two clocks and returns what the guest is sent. */
    after(wallMs: number, monotonicMs: number): Uint8Array[] {
      now.wallMs += wallMs;
      now.monotonicMs += monotonicMs;
      follower.look();
      return told.splice(0);
    },
  };
}

const clock = (ms: number, jumped: boolean) => encodeClock({ clockNs: BigInt(ms) * 1_000_000n, jumped });

Deno.test("ClockFollower reports a clock that was set forward or back, once", () => {
  using clocks = follow();
  assert.deepEqual(clocks.after(3_601_000, 1_000), [clock(4_601_000, true)]);
  assert.deepEqual(clocks.after(1_000, 1_000), []);
  assert.deepEqual(clocks.after(-3_599_000, 1_000), [clock(1_003_000, true)]);
  assert.deepEqual(clocks.after(1_000, 1_000), []);
});

Deno.test("ClockFollower reports small steps that add up to a jump, and ignores a slewed clock", () => {
  using clocks = follow();
  assert.deepEqual(clocks.after(1_200, 1_000), []);
  assert.deepEqual(clocks.after(1_200, 1_000), [clock(1_002_400, true)]);
  assert.deepEqual(clocks.after(1_000.5, 1_000), []);
});

Deno.test("ClockFollower sends the time every minute without a jump", () => {
  using clocks = follow();
  const told = Array.from({ length: 121 }, () => clocks.after(1_000, 1_000)).flat();
  assert.deepEqual(told, [clock(1_060_000, false), clock(1_120_000, false)]);
});

Deno.test("ClockFollower checks the clocks regularly until it is disposed of", async () => {
  const looked = Promise.withResolvers<void>();
  const wall = () => (looks++ > 0 ? looked.resolve() : undefined, 0);
  let looks = 0;
  {
    using _follower = new ClockFollower({ send: () => {} }, { wall, monotonic: () => 0 });
    await looked.promise;
  }
});
