import { startTimer } from "../host/timer.ts";
import { type ServerName, serverNameOf } from "./server_name.ts";
import type { Stack } from "./stack.ts";
import type { TcpConnection } from "./tcp_connection.ts";

/** How long a client may take to send its first data, in ms. */
const FIRST_WORDS_MS = 30_000;

/**
 * Accepts a guest's connection and waits until the client has named its server. The data stays in the buffer. If the
 * client does not send enough in time, resets the connection.
 */
export async function readServerName(stack: Stack, connection: TcpConnection): Promise<ServerName> {
  const { promise, resolve } = Promise.withResolvers<ServerName>();
  const look = () => {
    const words = serverNameOf(connection.peek());
    if (words !== undefined || connection.hasReceivedFin) resolve(words ?? { protocol: "other", name: undefined });
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
