import { messageOf } from "../errors.ts";
import { log } from "../log.ts";

/** How long after a failure, such as too many open files, connections are taken again, in ms. */
const PAUSE_MS = 500;

/** What hands out connections, and fails with `BadResource` or `Interrupted` once it is closed. */
type Listener<C> = { accept(): Promise<C> };

/**
 * Serves each connection of a listener until that is closed. What goes wrong with one, or keeps one from being taken,
 * is logged and ends no other.
 *
 * @param what stands before what is logged
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
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
