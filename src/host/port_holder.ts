import { canonicalAddress, coversAddress } from "./ip_address.ts";

/** A process that listens. */
export interface PortHolder {
  /** Process id. */
  pid: number;
  /** The name of its program. */
  name: string;
}

/** A TCP port of an address. */
export interface TcpEndpoint {
  address: string;
  port: number;
}

/** Of a socket that listens, in proc_pid_net(5). */
const LISTENING = "0A";

/** Who listens where a listener of that port would; `undefined` where the OS does not tell, or not this user. */
export function findPortHolder(endpoint: TcpEndpoint): PortHolder | undefined {
  const sockets = new Set(["tcp", "tcp6"].flatMap((table) => socketsAt(readText(`/proc/net/${table}`), endpoint)));
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

/** What a table of `/proc/net` says of that port's listeners, as the links of their descriptors: `socket:[4711]`. */
export function socketsAt(table: string, { address, port }: TcpEndpoint): string[] {
  const sockets: string[] = [];
  for (const line of table.split("\n").slice(1)) {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const [hexAddress, hexPort] = local.split(":");
    if (state !== LISTENING || !hexAddress || !hexPort || parseInt(hexPort, 16) !== port) continue;
    const its = parseAddress(hexAddress);
    if (coversAddress(its, address) || coversAddress(address, its)) sockets.push(`socket:[${inode}]`);
  }
  return sockets;
}

/** An address in words of the machine's byte order, which is little-endian wherever this program runs. */
function parseAddress(hex: string): string {
  const bytes = hex.match(/.{8}/g)!.flatMap((word) => word.match(/../g)!.reverse());
  if (bytes.length === 4) return bytes.map((byte) => parseInt(byte, 16)).join(".");
  return canonicalAddress(bytes.join("").match(/.{4}/g)!.join(":").toLowerCase());
}

/** Empty for what is gone, or none of this user's business; so with those below. */
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
