/**
 * The program in a guest of `tap_guest`: runs one scenario and prints the result as JSON.
 *
 *     deno run guest.ts SCENARIO ADDRESS PORT [SIZE]
 *
 * @module
 */

import { createHash } from "node:crypto";
import { pause, until } from "../helpers/until.ts";
import { pattern } from "./pattern.ts";

const [scenario, hostname = "", portText, sizeText = "0"] = Deno.args;
const [port, size] = [Number(portText), Number(sizeText)];

/** The wildcard address of the same IP version. */
const any = hostname.includes(":") ? "::" : "0.0.0.0";

const connect = () => Deno.connect({ hostname, port });

async function readAll(conn: Deno.Conn): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of conn.readable) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

async function writeAll(conn: Deno.Conn, total: number, chunkBytes = 65_536): Promise<void> {
  for (let at = 0; at < total;) {
    const chunk = pattern(at, Math.min(chunkBytes, total - at));
    for (let done = 0; done < chunk.length;) done += await conn.write(chunk.subarray(done));
    at += chunk.length;
  }
}

/** The bytes that this guest's kernel has not sent, or whose acknowledgement it waits for, on all its connections. */
function unacknowledgedBytes(): number {
  const [, ...connections] = Deno.readTextFileSync("/proc/net/tcp").trim().split("\n");
  const queues = connections.map((line) => parseInt(line.trim().split(/\s+/)[4]!, 16));
  return queues.reduce((sum, bytes) => sum + bytes, 0);
}

/** Connects to a server that may not listen yet. */
async function connectSoon(hostname: string): Promise<Deno.TcpConn> {
  for (let tries = 0;; tries++) {
    try {
      return await Deno.connect({ hostname, port });
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused) || tries > 100) throw error;
    }
    await pause(100);
  }
}

/** Sends data and a datagram to another machine, by its name or address. Returns its answer and the echo's size. */
async function visit(name: string): Promise<unknown> {
  const isAddress = /^[\d.]+$/.test(name);
  const [address = ""] = isAddress
    ? [name]
    : await Deno.resolveDns(name, "A", { nameServer: { ipAddr: hostname, port: 53 } });
  const conn = await connectSoon(address);
  await writeAll(conn, size);
  await conn.closeWrite();
  const answer = await new Response(conn.readable).text();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  await socket.send(pattern(0, 9000), { transport: "udp", hostname: address, port });
  const [data] = await socket.receive(new Uint8Array(65_536));
  socket.close();
  return `${answer} ${data.length}`;
}

const SCENARIOS: Record<string, () => Promise<unknown>> = {
  async download() {
    using conn = await connect();
    return await readAll(conn);
  },

  /** Uploads data, closes its half of the connection, and returns the server's answer. */
  async upload() {
    using conn = await connect();
    await writeAll(conn, size);
    await conn.closeWrite();
    return new TextDecoder().decode(new Uint8Array(await new Response(conn.readable).arrayBuffer()));
  },

  /** Sends and receives at the same time. */
  async echo() {
    const conn = await connect();
    const reading = readAll(conn);
    await writeAll(conn, size);
    await conn.closeWrite();
    return await reading;
  },

  /** Pauses before it reads, so that the window closes. */
  async slowDownload() {
    const conn = await connect();
    await pause(1500);
    return await readAll(conn);
  },

  async many() {
    const texts = await Promise.all(Array.from({ length: size }, async (_, index) => {
      using conn = await connect();
      await conn.write(new TextEncoder().encode(`${index}`));
      await conn.closeWrite();
      const buffer = new Uint8Array(16);
      const count = await conn.read(buffer);
      return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
    }));
    return texts.filter((text, index) => text === `${index}`).length;
  },

  async sendDatagram() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
    await socket.send(new Uint8Array(100), { transport: "udp", hostname, port });
    await pause(200);
    socket.close();
    return "sent";
  },

  /** Opens connections one after another, and returns the number of successes. */
  async open() {
    const conns: Deno.Conn[] = [];
    for (let count = 0; count < size; count++) await connect().then((conn) => conns.push(conn), () => {});
    return conns.length;
  },

  async fails() {
    const start = performance.now();
    try {
      using _ = await connect();
      return "connected";
    } catch (error) {
      return { error: String(error), isQuick: performance.now() - start < 900 };
    }
  },

  /** Closes the connection with unread data, which resets it. */
  async abandon() {
    const conn = await connect();
    await conn.read(new Uint8Array(16));
    await pause(200);
    conn.close();
    await pause(500);
    return "abandoned";
  },

  /**
   * Sends a request to a server by name. Words: `NAME [SERVER_NAME]`, the request, and for TLS the CA certificate.
   */
  async ask() {
    const [names = "", request = "", ca = ""] = Deno.args.slice(4);
    const [name = "", serverName = name] = names.split(" ");
    const addresses = await Deno.resolveDns(name, "A", { nameServer: { ipAddr: hostname, port: 53 } });
    try {
      const plain = await Deno.connect({ hostname: addresses[0]!, port });
      const conn = ca === "" ? plain : await Deno.startTls(plain, {
        hostname: serverName,
        caCerts: [ca],
        alpnProtocols: ["h2", "http/1.1"],
      });
      await conn.write(new TextEncoder().encode(request));
      return await new Response(conn.readable).text();
    } catch (error) {
      return `${error}`;
    }
  },

  /**
   * Answers each connection with the client's address and the number of bytes that it sent, until a client sends
   * nothing. Echoes datagrams. Returns the clients' addresses.
   */
  async serve() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port });
    (async () => {
      for await (const [data, from] of socket) await socket.send(data, from);
    })();
    const clients: string[] = [];
    for await (const conn of Deno.listen({ hostname: "0.0.0.0", port })) {
      const client = conn.remoteAddr.hostname;
      const buffer = new Uint8Array(65_536);
      let bytes = 0;
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) bytes += count;
      await conn.write(new TextEncoder().encode(`${client} ${bytes}`));
      await conn.closeWrite();
      if (bytes === 0) break;
      clients.push(client);
    }
    await pause(200);
    return clients;
  },

  /** Visits other machines of its network. Words: their names and addresses. */
  async visit() {
    const found: Record<string, unknown> = {};
    for (const name of Deno.args.slice(4)) {
      found[name] = await visit(name).catch((error) => `${error}`);
    }
    return found;
  },

  /** Sends data, and exits as soon as the gateway has acknowledged it. That closes the link. */
  async sendAndEnd() {
    const conn = await connect();
    await writeAll(conn, size);
    await conn.closeWrite();
    await until(() => unacknowledgedBytes() === 0, { everyMs: 1 });
    return "sent";
  },

  /** Resolves the name `PORT.test` with the name server at the address. */
  async resolve() {
    const options = { nameServer: { ipAddr: hostname, port: 53 } };
    return await Deno.resolveDns(`${port}.test`, "A", options).catch((error) => String(error));
  },

  /** Answers datagrams with their size and sender, until `size` different senders have sent one. */
  async udpAnswer() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port });
    const senders = new Set<string>();
    while (senders.size < size) {
      const [data, from] = await socket.receive(new Uint8Array(65_536));
      const { hostname, port } = from as Deno.NetAddr;
      senders.add(`${hostname}:${port}`);
      await socket.send(new TextEncoder().encode(`${data.length} ${hostname}`), from);
    }
    await pause(200);
    return senders.size;
  },

  /** Waits for a datagram, sends one to port `size` of the same address, then answers the sender. */
  async udpServe() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port });
    const [data, from] = await socket.receive();
    const client = from as Deno.NetAddr;
    await socket.send(data, { ...client, port: size });
    await pause(200);
    await socket.send(data, client);
    await pause(200);
    return client.hostname;
  },

  async udpEcho() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: any, port: 0 });
    const lengths = [];
    for (const length of [0, 1, 1400, 9000, size]) {
      await socket.send(pattern(0, length), { transport: "udp", hostname, port });
      const [data] = await socket.receive(new Uint8Array(65_536));
      if (data.every((byte, index) => byte === pattern(index, 1)[0])) lengths.push(data.length);
    }
    return lengths;
  },

  async ping() {
    const args = ["ping", "-c", "3", "-s", sizeText, hostname];
    const { stdout } = await new Deno.Command("busybox", { args }).output();
    return /(\d+) packets received/.exec(new TextDecoder().decode(stdout))?.[1];
  },
};

console.log(JSON.stringify(await SCENARIOS[scenario!]!()));
Deno.exit(0);
