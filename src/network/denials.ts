import { type NetworkDenial, type Refusal, refusalKey } from "./events.ts";

/** Minimum time between reports of the same denial, in ms: a guest that keeps retrying must not fill the log. */
const REPEAT_MS = 10_000;
const MAX_REMEMBERED = 1024;

/** Counts refusals, and reports each kind at a limited rate. */
export class Denials {
  readonly #told = new Map<string, { at: number; untold: number }>();
  readonly #tell: (denial: NetworkDenial) => void;
  #total = 0;

  constructor(tell: (denial: NetworkDenial) => void) {
    this.#tell = tell;
  }

  /** Total number of refusals. */
  get total(): number {
    return this.#total;
  }

  add(refusal: Refusal): void {
    this.#total++;
    const key = refusalKey(refusal);
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
