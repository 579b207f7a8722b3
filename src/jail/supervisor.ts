import type { Libc } from "../host/libc.ts";

// The descriptors of `helper/jail.h`, each an end of a pipe to `smolvm-jail`.
const ORDERS_FD = 3;
/** What is written here goes to the console's log. */
export const CONSOLE_FD = 4;
/** What is written here goes to the log of messages. */
export const MESSAGES_FD = 5;

/** Something that this process cannot do from inside of its jail; `helper/orders.c` has the same. */
export type Order =
  /** Keeps what is written to the console in that file. */
  | readonly ["c", file: string]
  /** Keeps messages in that file. */
  | readonly ["m", file: string]
  /** Keeps the events of the machine's gateway in that file. */
  | readonly ["w", file: string]
  /** Kills this process when nobody holds the other end of its standard input any more. */
  | readonly ["e"]
  /** The next word of the command of the machine's gateway, which is started outside of the jail. */
  | readonly ["g", word: string]
  /** Listens there for the gateway, and sends the pings that it asks for, if the host lets this user. */
  | readonly ["p", socket: string]
  /** With `--warm`: listens there for who takes the machine, whose orders come in the place of this one. */
  | readonly ["t", socket: string]
  /** With `--warm`: how long to wait for that, in seconds. */
  | readonly ["i", seconds: string]
  /** With `--warm`: refuses a process whose root is another mount. */
  | readonly ["v", mountId: string]
  /** With `--warm`: starts another one in the place of a machine that was taken, unless that file is gone by then. */
  | readonly ["f", file: string]
  /** With `--warm`: the folder in whose `s` the folders of the order `b` appear. */
  | readonly ["s", folder: string]
  /** Of who takes a machine: mounts that folder, the first as `rootfs`, the others as `v0`, `v1` and so on. */
  | readonly ["b", mode: "ro" | "rw", folder: string]
  /** Takes a name out of the index in that folder, if it is that machine's. */
  | readonly ["n", folder: string, name: string, id: string]
  /** Takes that lock, or leaves all that follows to who has it. */
  | readonly ["l", file: string]
  /** Removes a file, or a folder with all that is in it. */
  | readonly ["r", path: string]
  /** Removes an empty folder. */
  | readonly ["d", path: string]
  /** Unless that file is there, leaves what follows to who holds this process's standard input, if somebody does. */
  | readonly ["h", file: string];

/**
 * Tells `smolvm-jail`, which waits outside of the jail for the end of this process, what to do meanwhile, and after
 * that in this order. To be called once: it listens no more then.
 */
export function leaveOrders(libc: Libc, orders: readonly Order[]): void {
  libc.writeAndClose(ORDERS_FD, new TextEncoder().encode(encodeOrders(orders)));
}

/** The orders as `smolvm-jail` reads them: each text ends with a NUL. */
export function encodeOrders(orders: readonly Order[]): string {
  return orders.map((order) => order.map((part) => `${part}\0`).join("")).join("");
}
