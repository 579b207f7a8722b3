import { sleep } from "../host/sleep.ts";
import type { Stack } from "./stack.ts";
import type { TcpConnection } from "./tcp_connection.ts";
import type { TokenBucket } from "./token_bucket.ts";

/** The other side of a guest's connection: a connection of the host, or a service of the gateway. */
export interface HostSocket {
  /** Reads available data and returns the number of bytes, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes at least one byte and returns the number of bytes written. */
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** Lets one function wait for another. */
class Signal {
  #waiting: (() => void) | undefined;

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting = resolve);
  }

  raise(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

/** Rate limits for data to the guest and to the host. */
export interface RateLimits {
  toGuest?: TokenBucket | undefined;
  toHost?: TokenBucket | undefined;
}

/** Accepts the guest's connection, and relays data between it and a socket until both sides have finished. */
export async function relay(
  stack: Stack,
  connection: TcpConnection,
  socket: HostSocket,
  limits: RateLimits = {},
): Promise<void> {
  const [readable, writable] = [new Signal(), new Signal()];
  let isOpen = true;
  const close = () => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  connection.listen({
    onReadable: () => readable.raise(),
    onWritable: () => writable.raise(),
    onClosed() {
      close();
      readable.raise();
      writable.raise();
    },
  });
  connection.accept();
  stack.settle();
  try {
    await Promise.all([
      toGuest({ stack, connection, socket, changed: writable, limit: limits.toGuest }),
      toHost({ stack, connection, socket, changed: readable, limit: limits.toHost }),
    ]);
  } catch {
    // If the socket fails, reset the guest's connection.
    connection.reset();
    stack.settle();
  } finally {
    close();
  }
}

/** One direction of a relay. */
interface Direction {
  stack: Stack;
  connection: TcpConnection;
  socket: HostSocket;
  /** Raised when there is data to read again, or room to write. */
  changed: Signal;
  limit: TokenBucket | undefined;
}

async function toGuest({ stack, connection, socket, changed, limit }: Direction): Promise<void> {
  while (!connection.isClosed) {
    const space = connection.space();
    if (space.length === 0) {
      await changed.wait();
      continue;
    }
    const count = await socket.read(limit ? space.subarray(0, limit.chunkBytes) : space);
    if (count === null) connection.end();
    else connection.commit(count);
    stack.settle();
    if (count === null) return;
    if (limit) await pause(limit.take(count));
  }
}

async function toHost({ stack, connection, socket, changed, limit }: Direction): Promise<void> {
  while (!connection.isClosed) {
    const data = connection.peek();
    if (data.length > 0) {
      const count = await socket.write(limit ? data.subarray(0, limit.chunkBytes) : data);
      connection.consume(count);
      stack.settle();
      if (limit) await pause(limit.take(count));
    } else if (connection.hasReceivedFin) {
      return await socket.closeWrite();
    } else {
      await changed.wait();
    }
  }
}

async function pause(ms: number): Promise<void> {
  if (ms >= 1) await sleep(ms);
}
