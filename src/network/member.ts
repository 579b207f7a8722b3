import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { startTimer } from "../host/timer.ts";
import { formatIpv4, type Ipv4, parseIpv4Address } from "./ipv4.ts";
import { readFrames } from "./link.ts";
import { memberAddresses, parseSubnet } from "./subnet.ts";

/**
 * How the machines of one network find each other: the gateway of each machine listens at a socket in the network's
 * folder, named after the machine's address. It first sends its own {@linkcode Member} to everyone who connects.
 *
 * @module
 */

/** A machine of a network. */
export interface Member {
  address: Ipv4;
  name: string;
  /** Further names of the machine. */
  aliases: string[];
}

/** How long a gateway may take to send its {@linkcode Member}, in ms. */
export const HELLO_MS = 2000;

/** Returns the path of the gateway socket of the machine with that address. */
export function memberSocket(folder: string, address: Ipv4): string {
  return `${folder}/${address & 255}.sock`;
}

export function encodeMember({ address, ...names }: Member): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ address: formatIpv4(address), ...names }));
}

/** @throws {SmolvmError} `network` if it is malformed. */
export function parseMember(bytes: Uint8Array): Member {
  const invalid = (cause?: unknown) => new SmolvmError("network", "A machine of the network is malformed", { cause });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw invalid(error);
  }
  const fields = new Fields(value, { what: "Machine of the network", code: "network" });
  const address = parseIpv4Address(fields.string("address"));
  const member = { name: fields.string("name"), aliases: fields.strings("aliases") };
  fields.end();
  if (address === undefined) throw invalid();
  return { address, ...member };
}

/** Returns the names of a machine within its network, in lower case. */
export function namesOf({ name, aliases }: Pick<Member, "name" | "aliases">, network: string): string[] {
  return [name, ...aliases].flatMap((name) => [name, `${name}.${network}`]).map((name) => name.toLowerCase());
}

/** Returns the running machines of a network, ordered by address. */
export async function readMembers(folder: string, subnet: string): Promise<Member[]> {
  const addresses = memberAddresses(parseSubnet(subnet)!);
  const found = await Promise.all(addresses.map((address) => readMember(memberSocket(folder, address))));
  return found.filter((member) => member !== undefined);
}

/** Reads the {@linkcode Member} of the gateway at a socket. Returns `undefined` if no gateway answers in time. */
async function readMember(path: string): Promise<Member | undefined> {
  let conn: Deno.UnixConn;
  try {
    conn = await Deno.connect({ transport: "unix", path });
  } catch {
    return undefined; // No gateway listens.
  }
  let isOpen = true;
  const close = () => {
    if (isOpen) conn.close();
    isOpen = false;
  };
  using _timer = startTimer(HELLO_MS, close);
  let member: Member | undefined;
  try {
    await readFrames(conn, {
      onFrame(bytes, _view, start, length) {
        member ??= parseMember(bytes.subarray(start, start + length));
        close();
      },
      onPause() {},
    });
  } catch {
    // This function closed the connection, the gateway exited, or the data is malformed.
  }
  close();
  return member;
}
