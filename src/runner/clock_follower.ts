import { startInterval } from "../host/timer.ts";
import type { AgentConnection } from "../protocol/agent_connection.ts";
import { MSG } from "../protocol/constants.ts";
import { encodeClock } from "../protocol/messages.ts";

/** How often to check the host's clock, in ms. */
const LOOK_MS = 1_000;
/** How often to send the guest the time when the clock has not jumped, in ms. */
const TELL_MS = 60_000;
/** The change against the monotonic clock that counts as a jump, in ms: more than slewing causes in a while. */
const JUMP_MS = 250;

/** Clocks of the host, in ms. */
export interface Clocks {
  /** Since 1970; jumps when it is set. */
  wall(): number;
  /** Since an arbitrary time; does not jump, and stands still while the host sleeps. */
  monotonic(): number;
}

const CLOCKS: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() };

/**
 * Sends the host's time to a guest: soon after the host's clock was set or the host has slept, and regularly, so that
 * the guest's clock does not drift.
 */
export class ClockFollower implements Disposable {
  readonly #agent: Pick<AgentConnection, "send">;
  readonly #clocks: Clocks;
  readonly #timer: Disposable;
  /** The wall clock minus the monotonic clock, in ms, at the last jump or at the start. */
  #epochMs: number;
  #toldMs: number;

  constructor(agent: Pick<AgentConnection, "send">, clocks = CLOCKS) {
    this.#agent = agent;
    this.#clocks = clocks;
    this.#toldMs = clocks.monotonic();
    this.#epochMs = clocks.wall() - this.#toldMs;
    this.#timer = startInterval(LOOK_MS, () => this.look());
  }

  /** Compares the clocks once. */
  look(): void {
    const [wallMs, monotonicMs] = [this.#clocks.wall(), this.#clocks.monotonic()];
    const jumped = Math.abs(wallMs - monotonicMs - this.#epochMs) >= JUMP_MS;
    if (!jumped && monotonicMs - this.#toldMs < TELL_MS) return;
    if (jumped) this.#epochMs = wallMs - monotonicMs;
    this.#toldMs = monotonicMs;
    this.#agent.send(MSG.CLOCK, 0, encodeClock({ clockNs: BigInt(Math.round(wallMs)) * 1_000_000n, jumped }));
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}
