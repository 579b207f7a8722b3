import { Fields } from "../fields.ts";
import { serveEach } from "../host/accept.ts";
import { writeAll } from "../host/streams.ts";
import { startTimer } from "../host/timer.ts";
import { type NetworkCounters, parseCounters } from "./events.ts";

/**
 * How clients read a gateway's counters: the gateway listens at a socket in its machine's runtime folder. It sends
 * every client the counters as one line of JSON, then keeps the connection open until the gateway exits.
 *
 * @module
 */

/** Maximum number of connected clients. */
const MAX_READERS = 32;
/** How long a gateway may take to answer, in ms. */
const ANSWER_MS = 5000;
const MAX_ANSWER_BYTES = 4096;

/** Returns the path of the socket where a machine's gateway serves its counters. */
export function statusSocket(runtimeFolder: string): string {
  return `${runtimeFolder}/netstat.sock`;
}

/** Answers every connection, until this process exits. */
export async function serveStatus(listener: Deno.UnixListener, count: () => NetworkCounters): Promise<void> {
  let readers = 0;
  await serveEach(listener, {
    what: "network status",
    async serve(conn) {
      readers++;
      try {
        if (readers <= MAX_READERS) await answer(conn, count());
      } finally {
        readers--;
        conn.close();
      }
    },
  });
}

async function answer(conn: Deno.Conn, counters: NetworkCounters): Promise<void> {
  await writeAll(conn, new TextEncoder().encode(`${JSON.stringify(counters)}\n`));
  const nothing = new Uint8Array(64);
  while (await conn.read(nothing) !== null);
}

/** Reads a gateway's counters. Returns `undefined` if no gateway answers in time, or the answer is malformed. */
export async function readCounters(runtimeFolder: string): Promise<NetworkCounters | undefined> {
  const conn = await connectToGateway(runtimeFolder);
  if (conn === undefined) return undefined;
  using _timer = startTimer(ANSWER_MS, () => closeQuietly(conn));
  try {
    return parseCounters(new Fields(JSON.parse(await readLine(conn)), { what: "Gateway", code: "state" }));
  } catch {
    return undefined; // The gateway exited, or hangs.
  } finally {
    closeQuietly(conn);
  }
}

/** Connects to a gateway. The connection closes when the gateway exits. Returns `undefined` if there is no gateway. */
export async function connectToGateway(runtimeFolder: string): Promise<Deno.UnixConn | undefined> {
  try {
    return await Deno.connect({ transport: "unix", path: statusSocket(runtimeFolder) });
  } catch {
    return undefined; // There is no gateway.
  }
}

async function readLine(conn: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(MAX_ANSWER_BYTES);
  for (let size = 0; size < bytes.length;) {
    const count = await conn.read(bytes.subarray(size));
    if (count === null) break;
    size += count;
    if (bytes[size - 1] === 10) return new TextDecoder().decode(bytes.subarray(0, size));
  }
  throw new Deno.errors.UnexpectedEof();
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // The timer has closed it.
  }
}
