import { sleep } from "../host/sleep.ts";
import { tailOf } from "../host/tail.ts";
import { log } from "../log.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { networkLog } from "../state/machine_folders.ts";
import { hasGateway } from "../state/machine_record.ts";

/** How long, and how often, to look for the reason in the log after the gateway has ended, in ms. */
const [REASON_MS, POLL_MS] = [2000, 50];

/** Logs a warning if a machine's network ends before the machine, until this object is disposed of. */
export class NetworkWatch implements Disposable {
  #conn: Deno.Conn | undefined;
  #isOver = false;

  constructor(spec: RunnerSpec) {
    if (hasGateway(spec.machine)) this.#watch(spec);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#conn?.close();
    this.#conn = undefined;
  }

  async #watch({ folder, runtimeFolder, machine: { name } }: RunnerSpec): Promise<void> {
    // Loaded only for machines with a network.
    const [{ connectToGateway }, { parseEvent }] = await Promise.all([
      import("../network/status.ts"),
      import("../network/events.ts"),
    ]);
    const conn = await connectToGateway(runtimeFolder);
    if (this.#isOver) return conn?.close();
    this.#conn = conn;
    const nothing = new Uint8Array(4096);
    try {
      // The connection ends when the gateway ends or this object is disposed of.
      while (conn && await conn.read(nothing) !== null);
    } catch {
      // An error also means that the connection has ended.
    }
    // If the machine ended normally, the end event has no reason.
    for (let waited = 0; waited < REASON_MS && !this.#isOver; waited += POLL_MS) {
      const event = parseEvent(tailOf(networkLog(folder), 1)[0] ?? "");
      if (event?.event === "end") {
        if (event.reason) log("warn", `The network of machine "${name}" has ended: ${event.reason}`);
        return;
      }
      await sleep(POLL_MS);
    }
  }
}
