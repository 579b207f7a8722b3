import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import { logFile } from "../logs/files.ts";
import { encodeEvent } from "../network/events.ts";

/** The same limit as in `smolvm-jail`. */
const LOG_MAX_BYTES = 4 * 1024 ** 2;

/** Starts a gateway on a host without `smolvm-jail` and logs its events. It exits when this process exits. */
export function startGateway([program, ...args]: readonly string[], eventsFile: string): void {
  const process = new Deno.Command(program!, {
    args,
    env: { SMOLVM_ROLE: "gateway" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  process.unref();
  keepEvents(process, eventsFile).catch((error) => log("error", `Cannot log the network: ${messageOf(error)}`));
}

/** Appends a gateway's events to a log of limited size, and an `end` event if the gateway failed. */
export async function keepEvents(
  process: Pick<Deno.ChildProcess, "stdout" | "status">,
  path: string,
): Promise<void> {
  const create = () => Deno.openSync(path, { write: true, create: true, truncate: true, mode: 0o600 });
  let [file, size] = [create(), 0];
  const append = (data: Uint8Array) => {
    if (size + data.length > LOG_MAX_BYTES) {
      file.close();
      Deno.renameSync(path, logFile(path, 1));
      [file, size] = [create(), 0];
    }
    for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
    size += data.length;
  };
  try {
    for await (const chunk of process.stdout) append(chunk);
    const { signal, code } = await process.status;
    const reason = signal ? `its gateway was ended by ${signal}` : `its gateway failed with status ${code}`;
    if (code !== 0) append(encodeEvent({ time: new Date().toISOString(), event: "end", reason, counters: null }));
  } finally {
    file.close();
  }
}
