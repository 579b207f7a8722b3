import { Fields } from "../fields.ts";
import { serveEach } from "../host/accept.ts";
import { writeAll } from "../host/streams.ts";
import { startTimer } from "../host/timer.ts";
import { type NetworkCounters, parseCounters } from "./events.ts";

/**
 * How others see what a gateway has counted: it says so, as one line of JSON, to each who connects to a socket in its
 * machine's runtime folder, and then holds the connection, which ends with the gateway.
 *
 * @module
 */

/** As many may be connected at once. */
const MAX_READERS = 32;
/** How long a gateway may take to answer, in ms. */
const ANSWER_MS = 5000;
const MAX_ANSWER_BYTES = 4096;

/** The socket at which the gateway of a machine says what it has counted. */
export function statusSocket(runtimeFolder: string): string {
  return `${runtimeFolder}/netstat.sock`;
}

/** Answers every connection, for as long as this process lives. */
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

/** What a gateway has counted; `undefined` when none answers in time, or in order. */
export async function readCounters(runtimeFolder: string): Promise<NetworkCounters | undefined> {
  const conn = await connectToGateway(runtimeFolder);
  if (conn === undefined) return undefined;
  using _timer = startTimer(ANSWER_MS, () => closeQuietly(conn));
  try {
    return parseCounters(new Fields(JSON.parse(await readLine(conn)), { what: "Gateway", code: "state" }));
  } catch {
    return undefined; // It has ended meanwhile, or hangs.
  } finally {
    closeQuietly(conn);
  }
}

/** A connection to a gateway, which ends with it; `undefined` when there is none. */
export async function connectToGateway(runtimeFolder: string): Promise<Deno.UnixConn | undefined> {
  try {
    return await Deno.connect({ transport: "unix", path: statusSocket(runtimeFolder) });
  } catch {
    return undefined; // There is no gateway, or no longer.
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
    // The deadline has closed it.
  }
}
