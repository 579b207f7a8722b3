import type { Libc } from "../host/libc.ts";

// The descriptors of `helper/jail.h`, each an end of a pipe to `smolvm-jail`.
const ORDERS_FD = 3;
/** Data written to it goes to the console log. */
export const CONSOLE_FD = 4;
/** Data written to it goes to the log of messages. */
export const MESSAGES_FD = 5;

/** A task that this process cannot do from inside its jail; `helper/orders.c` describes the same orders. */
export type Order =
  /** Writes console output to this file. */
  | readonly ["c", file: string]
  /** Writes messages to this file. */
  | readonly ["m", file: string]
  /** Writes the events of the machine's gateway to this file. */
  | readonly ["w", file: string]
  /** Kills this process when the write end of its standard input is closed. */
  | readonly ["e"]
  /** The next word of the command of the machine's gateway, which is started outside the jail. */
  | readonly ["g", word: string]
  /** Listens on this socket for the gateway, and sends its pings, if the host allows this user to. */
  | readonly ["p", socket: string]
  /** With `--warm`: listens on this socket for the client that takes the machine; its orders replace this one. */
  | readonly ["t", socket: string]
  /** With `--warm`: how long to wait for the client, in seconds. */
  | readonly ["i", seconds: string]
  /** With `--warm`: refuses a client whose root is not the mount with this id. */
  | readonly ["v", mountId: string]
  /** With `--warm`: once the machine is taken, starts another one in its place, unless this file is gone by then. */
  | readonly ["f", file: string]
  /** With `--warm`: mounts the folders of the orders `b` in `s` in this folder. */
  | readonly ["s", folder: string]
  /** From the client that takes a machine: mounts this folder, the first as `rootfs`, the others as `v0`, `v1`, ... */
  | readonly ["b", mode: "ro" | "rw", folder: string]
  /** Removes a name from the index in this folder, if it belongs to this machine. */
  | readonly ["n", folder: string, name: string, id: string]
  /** Takes this lock; if another process holds it, leaves the following orders to that process. */
  | readonly ["l", file: string]
  /** Removes a file, or a folder with its contents. */
  | readonly ["r", path: string]
  /** Removes an empty folder. */
  | readonly ["d", path: string]
  /**
   * If this file is missing and the write end of this process's standard input is still open, leaves the following
   * orders to the process that has it open.
   */
  | readonly ["h", file: string];

/**
 * Sends orders to `smolvm-jail`, which waits outside the jail for the end of this process. It carries out some of them
 * meanwhile, and the others after that, in the given order. Call this only once: it closes the pipe.
 */
export function sendOrders(libc: Libc, orders: readonly Order[]): void {
  libc.writeAndClose(ORDERS_FD, new TextEncoder().encode(encodeOrders(orders)));
}

/** Encodes orders for `smolvm-jail`: each text ends with a NUL. */
export function encodeOrders(orders: readonly Order[]): string {
  return orders.map((order) => order.map((part) => `${part}\0`).join("")).join("");
}
