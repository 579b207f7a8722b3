import { kindOf, type NetworkDenial, type Refusal } from "./events.ts";

/** The same denial is told this often at most, in ms, so that a guest that tries again and again fills no log. */
const REPEAT_MS = 10_000;
const MAX_REMEMBERED = 1024;

/** Counts what a guest is refused, and tells of each kind once in a while. */
export class Denials {
  readonly #told = new Map<string, { at: number; untold: number }>();
  readonly #tell: (denial: NetworkDenial) => void;
  #total = 0;

  constructor(tell: (denial: NetworkDenial) => void) {
    this.#tell = tell;
  }

  /** How much was refused so far. */
  get total(): number {
    return this.#total;
  }

  add(refusal: Refusal): void {
    this.#total++;
    const key = kindOf(refusal);
    const now = performance.now();
    const last = this.#told.get(key);
    if (last !== undefined && now - last.at < REPEAT_MS) {
      last.untold++;
      return;
    }
    this.#told.delete(key);
    if (this.#told.size >= MAX_REMEMBERED) this.#told.delete(this.#told.keys().next().value!);
    this.#told.set(key, { at: now, untold: 0 });
    this.#tell({ time: new Date().toISOString(), event: "denied", ...refusal, count: 1 + (last?.untold ?? 0) });
  }
}
