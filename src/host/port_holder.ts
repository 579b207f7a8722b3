import { canonicalAddress, coversAddress } from "./ip_address.ts";

/** A process that listens on a port. */
export interface PortHolder {
  /** Process id. */
  pid: number;
  /** The name of its program. */
  name: string;
}

/** A port at an address of the host. */
export interface LocalPort {
  protocol: "tcp" | "udp";
  address: string;
  port: number;
}

/** The states of a listening TCP socket and of a UDP socket without a peer, in proc_pid_net(5). */
const LISTENING = { tcp: "0A", udp: "07" };

/** Finds the process that listens on a port; `undefined` if there is none or this user may not see it. */
export function findPortHolder(wanted: LocalPort): PortHolder | undefined {
  const tables = [wanted.protocol, `${wanted.protocol}6`];
  const sockets = new Set(tables.flatMap((table) => socketsAt(readText(`/proc/net/${table}`), wanted)));
  if (sockets.size === 0) return undefined;
  for (const { name: pid } of readFolder("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const { name: fd } of readFolder(`/proc/${pid}/fd`)) {
      if (sockets.has(readLink(`/proc/${pid}/fd/${fd}`))) {
        return { pid: Number(pid), name: readText(`/proc/${pid}/comm`).trimEnd() };
      }
    }
  }
}

/** The sockets in a table of `/proc/net` that have a port, as in their descriptors' symlinks: `socket:[4711]`. */
export function socketsAt(table: string, { protocol, address, port }: LocalPort): string[] {
  const sockets: string[] = [];
  for (const line of table.split("\n").slice(1)) {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const [hexAddress, hexPort] = local.split(":");
    if (state !== LISTENING[protocol] || !hexAddress || !hexPort || parseInt(hexPort, 16) !== port) continue;
    const its = parseAddress(hexAddress);
    if (coversAddress(its, address) || coversAddress(address, its)) sockets.push(`socket:[${inode}]`);
  }
  return sockets;
}

/** Parses an address given as words in host byte order, which is little-endian on all supported hosts. */
function parseAddress(hex: string): string {
  const bytes = hex.match(/.{8}/g)!.flatMap((word) => word.match(/../g)!.reverse());
  if (bytes.length === 4) return bytes.map((byte) => parseInt(byte, 16)).join(".");
  return canonicalAddress(bytes.join("").match(/.{4}/g)!.join(":").toLowerCase());
}

/** Empty for a file that is gone or that this user may not read, like the functions below. */
function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function readFolder(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch {
    return [];
  }
}

function readLink(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}
