import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import { sleep } from "./sleep.ts";

/** The pause after a failed accept, for example because of too many open files, in ms. */
const PAUSE_MS = 500;

/** A listener, whose `accept` fails with `BadResource` or `Interrupted` after it is closed. */
type Listener<C> = { accept(): Promise<C> };

/**
 * Serves each connection of a listener until the listener is closed. An error of one connection, or of `accept`, is
 * logged and does not affect the others.
 *
 * @param what the prefix of log messages
 */
export async function serveEach<C>(
  listener: Listener<C>,
  { what, serve }: { what: string; serve: (conn: C) => Promise<void> },
): Promise<void> {
  while (true) {
    try {
      const conn = await listener.accept();
      serve(conn).catch((error) => log("debug", `${what}: ${messageOf(error)}`));
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      log("warn", `${what}: cannot take a connection: ${messageOf(error)}`);
      await sleep(PAUSE_MS);
    }
  }
}
