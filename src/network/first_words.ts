import { startTimer } from "../host/timer.ts";
import { type ServerName, serverNameOf } from "./server_name.ts";
import type { Stack } from "./stack.ts";
import type { TcpConnection } from "./tcp_connection.ts";

/** How long a client may take for its first words, in ms. */
const FIRST_WORDS_MS = 30_000;

/**
 * Accepts a guest's connection and waits until it has named its server, which stays to be read. A connection that says
 * nothing in time is reset.
 */
export async function firstWords(stack: Stack, connection: TcpConnection): Promise<ServerName> {
  const { promise, resolve } = Promise.withResolvers<ServerName>();
  const look = () => {
    const words = serverNameOf(connection.peek());
    if (words !== undefined || connection.hasGuestEnded) resolve(words ?? { protocol: "other", name: undefined });
  };
  connection.listen({
    onReadable: look,
    onWritable() {},
    onClosed: () => resolve({ protocol: "other", name: undefined }),
  });
  connection.accept();
  stack.settle();
  using _timer = startTimer(FIRST_WORDS_MS, () => {
    connection.reset();
    stack.settle();
  });
  return await promise;
}
