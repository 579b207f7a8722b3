import { startInterval } from "../host/timer.ts";
import type { AgentConnection } from "../protocol/agent_connection.ts";
import { MSG } from "../protocol/constants.ts";
import { encodeClock } from "../protocol/messages.ts";

/** How often the host's clock is looked at, in ms. */
const LOOK_MS = 1_000;
/** How often the guest is told the time although nothing has jumped, in ms. */
const TELL_MS = 60_000;
/** How much the clock may move against the one that nobody can set, in ms: more than what it is slewed by in a while. */
const JUMP_MS = 250;

/** Clocks of the host, in ms. */
export interface Clocks {
  /** Since 1970; jumps when it is set. */
  wall(): number;
  /** Since whenever; does not jump, and stands still while the host sleeps. */
  monotonic(): number;
}

const CLOCKS: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() };

/**
 * Tells a guest the host's time: at once when the host's clock was set or the host has slept, and now and then, so that
 * the guest's own clock does not drift away.
 */
export class ClockFollower implements Disposable {
  readonly #agent: Pick<AgentConnection, "send">;
  readonly #clocks: Clocks;
  readonly #timer: Disposable;
  /** The time of the wall clock when the monotonic one began, in ms, as the guest knows it. */
  #epochMs: number;
  #toldMs: number;

  constructor(agent: Pick<AgentConnection, "send">, clocks = CLOCKS) {
    this.#agent = agent;
    this.#clocks = clocks;
    this.#toldMs = clocks.monotonic();
    this.#epochMs = clocks.wall() - this.#toldMs;
    this.#timer = startInterval(LOOK_MS, () => this.look());
  }

  /** Looks at the clocks once. */
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
