import { encodeOrders, type Order } from "../jail/supervisor.ts";
import { killProcess } from "../host/process_identity.ts";
import type { MachineFolders } from "../state/machine_folders.ts";
import { readProcess } from "../state/machine_process.ts";
import { warmSocket } from "../state/warm.ts";
import { checkReportLength, type RunnerLink } from "./runner_link.ts";

const GRANT = "taken\n";
const CHUNK_BYTES = 4096;

/**
 * The link to the runner of a warm machine, by way of the `smolvm-jail` that supervises it: a connection that ends when
 * nothing of the machine is left. See `src/jail/helper/warm.c`.
 */
export class TakenLink implements RunnerLink {
  readonly isTaken = true;
  readonly exited: Promise<undefined>;
  readonly #conn: Deno.UnixConn;
  readonly #folder: string;
  readonly #report = Promise.withResolvers<string | undefined>();

  private constructor(conn: Deno.UnixConn, folder: string, text: string) {
    this.#conn = conn;
    this.#folder = folder;
    this.exited = this.#read(text).finally(() => {
      this.#report.resolve(undefined);
      conn.close();
    });
  }

  /** Takes a machine that waits; `undefined` when another process was faster, or it is gone. */
  static async take(machine: MachineFolders): Promise<TakenLink | undefined> {
    let conn: Deno.UnixConn;
    try {
      conn = await Deno.connect({ transport: "unix", path: warmSocket(machine) });
    } catch {
      return undefined;
    }
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await conn.read(chunk).catch(() => null);
    const text = new TextDecoder().decode(chunk.subarray(0, count ?? 0));
    if (text.startsWith(GRANT)) return new TakenLink(conn, machine.folder, text.slice(GRANT.length));
    conn.close();
    return undefined;
  }

  /** Says what is to be done besides, before the specification is sent. */
  async order(orders: readonly Order[]): Promise<void> {
    // An empty text is the end of them.
    await this.send(`${encodeOrders(orders)}\0`);
  }

  async send(line: string): Promise<void> {
    const data = new TextEncoder().encode(line);
    try {
      for (let at = 0; at < data.length;) at += await this.#conn.write(data.subarray(at));
    } catch {
      // It is gone already; what follows finds out why.
    }
  }

  async readReport(): Promise<string | undefined> {
    return await this.#report.promise;
  }

  readStderr(): Promise<string> {
    return Promise.resolve(""); // It is a log by now.
  }

  async release(): Promise<void> {
    await this.#conn.closeWrite().catch(() => {
      // It is gone already.
    });
  }

  /** Its runner alone: smolvm-jail removes what that leaves. */
  async kill(): Promise<void> {
    const process = readProcess(this.#folder);
    if (process !== null) await killProcess(process);
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }

  /** Reads to the end; the first line that is one is the report. */
  async #read(text: string): Promise<undefined> {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(CHUNK_BYTES);
    let isFound = false;
    while (true) {
      const end = text.indexOf("\n");
      if (!isFound && end >= 0) {
        isFound = true;
        // What smolvm-jail could not do is none.
        this.#report.resolve(text.startsWith("{") ? text.slice(0, end) : undefined);
      }
      if (isFound) text = "";
      checkReportLength(text);
      const count = await this.#conn.read(chunk).catch(() => null);
      if (count === null) return undefined;
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
    }
  }
}
