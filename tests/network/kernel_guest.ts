/** Guests that use the host's kernel, each with its own link to a stack. */

import { GUEST_LINK as LINK } from "../../src/network/guest_link.ts";
import { formatIpv6 } from "../../src/network/ipv6.ts";
import { LinkWriter, runLink } from "../../src/network/link.ts";
import { Stack, type StackHandler } from "../../src/network/stack.ts";
import { assertCode, runProcess } from "../helpers/process.ts";

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);

/** Shares of frames that the link loses, duplicates or reorders, in thousandths. */
export interface Troubles {
  seed?: number;
  loss?: number;
  duplication?: number;
  reordering?: number;
  mtu?: number;
}

/** Builds `tap_guest` in that folder, and returns its path. */
export async function buildTapGuest(folder: string): Promise<string> {
  const program = `${folder}/tap_guest`;
  const args = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program];
  assertCode(await runProcess("gcc", { args: [...args, `${HERE}tap_guest.c`] }), 0);
  return program;
}

/** A scenario for a guest to run. */
export interface Errand {
  /** What {@linkcode buildTapGuest} returned. */
  program: string;
  scenario: string;
  /** The script that contains the scenario; default: `guest.ts`. */
  main?: string;
  /** The address of the server. */
  hostname?: string;
  port: number;
  size?: number;
  /** Further arguments of the scenario. */
  words?: string[];
  troubles?: Troubles;
  /** The guest's address in a network of machines, in addition to its link address. */
  address?: string;
}

/** Runs a scenario in a guest whose link is the socket, and returns its result. */
export async function sendGuest(socket: string, errand: Errand): Promise<unknown> {
  const {
    program,
    scenario,
    main = `${HERE}guest.ts`,
    hostname = "9.9.9.10",
    port,
    size = 0,
    words = [],
    troubles = {},
    address,
  } = errand;
  const { seed = 1, loss = 0, duplication = 0, reordering = 0, mtu = LINK.mtu } = troubles;
  const guest = [`run -A --unstable-net --no-check --cached-only "${main}"`, scenario, hostname, port, size];
  const script = `ip link set lo up && ip link set eth0 address 02:73:6d:6f:6c:02 mtu ${mtu} up &&
    ip address add 192.168.127.2/24 dev eth0 && ${
    address ? `ip address add ${address}/24 dev eth0` : "true"
  } && ip route add default via 192.168.127.1 &&
    ip -6 address add ${formatIpv6(LINK.guest6)}/64 dev eth0 nodad &&
    ip -6 route add default via ${formatIpv6(LINK.gateway6)} &&
    exec "${Deno.execPath()}" ${guest.join(" ")} "$@"`;
  const numbers = [seed, loss, duplication, reordering].map(String);
  const outcome = await runProcess(program, { args: [socket, ...numbers, "sh", "-c", script, "sh", ...words] });
  assertCode(outcome, 0);
  return JSON.parse(outcome.stdout);
}

/** Runs a scenario in a guest that is connected to a stack with that handler. */
export async function runGuest(
  { folder, handle, ...errand }: Errand & {
    folder: string;
    handle: (stack: () => Stack) => Omit<StackHandler, "onOutput">;
  },
): Promise<{ result: unknown; stack: Stack }> {
  const socket = `${folder}/${crypto.randomUUID().slice(0, 8)}.sock`;
  using listener = Deno.listen({ transport: "unix", path: socket });
  const running = sendGuest(socket, errand);
  const stream = await listener.accept();
  const writer = new LinkWriter(stream, () => {});
  const stack: Stack = new Stack({ ...LINK, mtu: errand.troubles?.mtu ?? LINK.mtu }, {
    ...handle(() => stack),
    onOutput: () => writer.flush(stack),
  });
  const ticker = setInterval(() => stack.tick(), 50);
  try {
    const link = runLink(stream, stack).catch(() => {});
    const result = await running;
    await link;
    return { result, stack };
  } finally {
    clearInterval(ticker);
    stream.close();
  }
}
