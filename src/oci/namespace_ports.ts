import { sleep } from "../host/sleep.ts";

/** Polling, because Linux does not report when a socket starts to listen. */
const POLL_MS = 250;
const LISTEN = "0A";
/** 0.0.0.0, 127.0.0.1 and ::, in words of the host's byte order. */
const ADDRESSES = new Set(["00000000", "0100007F", "0".repeat(32)]);

/**
 * Writes a list of the TCP ports on which servers accept connections to 127.0.0.1 in this process's network namespace:
 * once at the start and after each change, until the reader closes the stream.
 */
export async function writeNamespacePorts(output: WritableStream<Uint8Array>): Promise<void> {
  const writer = output.getWriter();
  let known: string | undefined;
  try {
    while (true) {
      const ports = ["tcp", "tcp6"].flatMap((table) => listeningPorts(readTable(table)));
      const list = `${[...new Set(ports)].map((port) => `4 ${port}\n`).join("")}\n`;
      if (list !== known) await writer.write(new TextEncoder().encode(list));
      known = list;
      await sleep(POLL_MS);
    }
  } catch {
    // The container's network process has exited.
  }
}

/** Empty when the file is missing: the kernel may have no IPv6. */
function readTable(name: string): string {
  try {
    return Deno.readTextFileSync(`/proc/self/net/${name}`);
  } catch {
    return "";
  }
}

/** The ports in a table of proc(5) on which servers accept connections to 127.0.0.1. */
export function listeningPorts(table: string): number[] {
  return table.split("\n").flatMap((line) => {
    const [, address, port, state] =
      /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? [];
    return state === LISTEN && ADDRESSES.has(address!) ? [parseInt(port!, 16)] : [];
  });
}
