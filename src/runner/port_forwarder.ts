import { serveEach } from "../host/accept.ts";
import { readChunks, writeAll } from "../host/streams.ts";
import { log } from "../log.ts";
import { Attachment, NO_STREAMS } from "../protocol/attachment.ts";
import type { Connection } from "../protocol/connection.ts";
import { CONTROL } from "../protocol/control.ts";
import { AGENT_TOOL, encodeExec } from "../protocol/messages.ts";
import { execOf } from "../runner_interface/spec.ts";
import type { PortSpec } from "../state/machine_record.ts";
import { listenAt } from "../state/published_port.ts";

/** The guest runs at most 256 commands at once: leave some for other clients. */
const MAX_CONNECTIONS = 192;

/**
 * The published ports of a machine. Each connection is joined to the streams of a command in the guest. So the guest
 * needs no network, and a connection whose reader is slow does not block the others.
 */
export class PortForwarder implements Disposable {
  readonly #listeners: [Deno.TcpListener, PortSpec][] = [];
  #connections = 0;

  private constructor() {}

  /**
   * Listens at once. A connection made before {@linkcode forward} is called waits.
   *
   * @throws {SmolvmError} `port`.
   */
  static async listen(ports: readonly PortSpec[]): Promise<PortForwarder> {
    const forwarder = new PortForwarder();
    try {
      for (const port of ports) forwarder.#listeners.push([await listenAt(port), port]);
      return forwarder;
    } catch (error) {
      forwarder[Symbol.dispose]();
      throw error;
    }
  }

  /** Starts to forward. For each connection, `connect` connects a client to the machine. */
  forward(connect: () => Connection): void {
    for (const [listener, port] of this.#listeners) {
      const serve = (conn: Deno.TcpConn) => this.#serve(conn, { port, connect });
      serveEach(listener, { what: `port ${port.hostPort}`, serve });
    }
  }

  [Symbol.dispose](): void {
    for (const [listener] of this.#listeners) listener.close();
  }

  async #serve(conn: Deno.TcpConn, target: Target): Promise<void> {
    using _ = conn;
    if (this.#connections >= MAX_CONNECTIONS) throw new Error(`more than ${MAX_CONNECTIONS} connections`);
    this.#connections++;
    try {
      const { port, connect } = target;
      await joinPort(conn, connect(), port.guestPort);
    } finally {
      this.#connections--;
    }
  }
}

/** The target of a connection. */
interface Target {
  port: PortSpec;
  /** Connects to the machine. */
  connect: () => Connection;
}

/** Joins `conn` to a port of the guest, through `machine`, a connection to the machine, until both directions end. */
export async function joinPort(conn: Deno.TcpConn, machine: Connection, guestPort: number): Promise<void> {
  conn.setNoDelay();
  const io = {
    ...NO_STREAMS,
    stdin: readChunks(conn),
    stdout: (data: Uint8Array) => data.length > 0 ? writeAll(conn, data) : conn.closeWrite(),
  };
  const argv = [AGENT_TOOL, "connect", `${guestPort}`];
  const payload = encodeExec(execOf({ argv, env: [], cwd: "/", user: "" }, { terminal: null, stdin: true }));
  const attachment = Attachment.over(machine, io, { type: CONTROL.EXEC, payload });
  const status = await attachment.finish();
  if (status?.code !== 0) log("debug", `port ${guestPort}: the guest refused the connection, or it broke`);
}
