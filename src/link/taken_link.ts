import { encodeOrders, type Order } from "../jail/supervisor.ts";
import { signalName } from "../host/signal.ts";
import { checkReportLength, type RunnerEnd, type RunnerLink, STDERR_MAX } from "./runner_link.ts";

const GRANT = "taken\n";
const CHUNK_BYTES = 4096;

/**
 * The link to a runner that was started in advance: a connection to the `smolvm-jail` that supervises it, which closes
 * when the machine has ended and was cleaned up. See `src/jail/helper/warm.c`.
 */
export class TakenLink implements RunnerLink {
  readonly exited: Promise<RunnerEnd | undefined>;
  readonly #conn: Deno.UnixConn;
  readonly #report = Promise.withResolvers<string | undefined>();
  #orders = "";
  #stderr = "";

  private constructor(conn: Deno.UnixConn, readonly hasBooted: boolean, text: string) {
    this.#conn = conn;
    this.exited = this.#read(text).finally(() => {
      this.#report.resolve(undefined);
      conn.close();
    });
  }

  /** Takes the runner that waits at a socket; `undefined` when another process was faster, or the runner is gone. */
  static async take(path: string, { hasBooted }: { hasBooted: boolean }): Promise<TakenLink | undefined> {
    let conn: Deno.UnixConn;
    try {
      conn = await Deno.connect({ transport: "unix", path });
    } catch {
      return undefined;
    }
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = await conn.read(chunk).catch(() => null);
    const text = new TextDecoder().decode(chunk.subarray(0, count ?? 0));
    if (text.startsWith(GRANT)) return new TakenLink(conn, hasBooted, text.slice(GRANT.length));
    conn.close();
    return undefined;
  }

  /** Sets orders for the supervisor. Call it before the specification is sent. */
  order(orders: readonly Order[]): void {
    this.#orders = encodeOrders(orders);
  }

  async send(line: string): Promise<void> {
    // An empty text ends the orders.
    await this.#write(`${this.#orders}\0${line}`);
  }

  async #write(text: string): Promise<void> {
    const data = new TextEncoder().encode(text);
    try {
      for (let at = 0; at < data.length;) at += await this.#conn.write(data.subarray(at));
    } catch {
      // The runner is gone already; reading the report finds out why.
    }
  }

  async readReport(): Promise<string | undefined> {
    return await this.#report.promise;
  }

  async readStderr(): Promise<string> {
    await this.exited;
    return this.#stderr;
  }

  async release(): Promise<void> {
    await this.#conn.closeWrite().catch(() => {
      // The runner is gone already.
    });
  }

  /** Kills only the runner: smolvm-jail does that on any further data, and then removes the machine's files. */
  async kill(): Promise<void> {
    await this.#write("\n");
    await this.release();
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }

  /** Reads to the end: the report's line, if there is one, a line with the runner's exit status, and its messages. */
  async #read(text: string): Promise<RunnerEnd | undefined> {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(CHUNK_BYTES);
    let isFound = false;
    while (true) {
      const end = text.indexOf("\n");
      if (!isFound && end >= 0) {
        isFound = true;
        // An error of smolvm-jail is not a report.
        this.#report.resolve(text.startsWith("{") ? text.slice(0, end) : undefined);
      }
      if (isFound) text = text.slice(-2 * STDERR_MAX);
      checkReportLength(isFound ? "" : text);
      const count = await this.#conn.read(chunk).catch(() => null);
      if (count === null) return this.#readEnd(text);
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
    }
  }

  #readEnd(text: string): RunnerEnd | undefined {
    const [, code, signal, stderr] = /^ended (\d+) (\d+)\n([^]*)$/m.exec(text) ?? [];
    if (stderr === undefined) return undefined;
    this.#stderr = stderr;
    return { code: Number(code), signal: signal === "0" ? null : signalName(Number(signal)) };
  }
}
