/**
 * The servers behind `tap_world`, at ADDRESS. Port 80 sends SIZE bytes, port 81 counts the bytes that it receives, and
 * port 8080 serves HTTP. Port 53 is a name server, which resolves `rebind.test` to the loopback, `meta.test` to the
 * metadata service, and every other name to ADDRESS. If FOLDER contains `cert.pem` and `key.pem`, port 443 serves
 * HTTPS. The HTTP servers print all requests.
 *
 *     deno run --allow-net --allow-read --unstable-net world.ts ADDRESS SIZE [FOLDER]
 *
 * @module
 */

import { createHash } from "node:crypto";
import { pattern } from "./pattern.ts";

const [hostname = "", size = "0", folder] = Deno.args;
const SPECIAL: Record<string, number[]> = { rebind: [127, 0, 0, 1], meta: [169, 254, 169, 254] };

async function serve(port: number, handle: (conn: Deno.TcpConn) => Promise<void>): Promise<void> {
  for await (const conn of Deno.listen({ hostname, port })) {
    // Ignore errors: a guest may disconnect at any time.
    handle(conn).catch(() => {}).finally(() => conn.close());
  }
}

async function send(conn: Deno.TcpConn): Promise<void> {
  const content = pattern(0, Number(size));
  for (let at = 0; at < content.length;) at += await conn.write(content.subarray(at, at + 65_536));
}

async function count(conn: Deno.TcpConn): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  const buffer = new Uint8Array(65_536);
  for (let read = await conn.read(buffer); read !== null; read = await conn.read(buffer)) {
    hash.update(buffer.subarray(0, read));
    bytes += read;
  }
  await conn.write(new TextEncoder().encode(`${bytes} ${hash.digest("hex")}\n`));
}

async function answerNames(): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 53 });
  for await (const [query, from] of socket) {
    // The question ends with the name's type and class. Ignore anything after it.
    const end = query.indexOf(0, 12) + 5;
    const isAddress = query[end - 3] === 1;
    const [first = ""] = new TextDecoder().decode(query.subarray(13, 13 + query[12]!)).split(".");
    const own = hostname.split(".").map(Number);
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...SPECIAL[first] ?? own];
    const answer = new Uint8Array([...query.subarray(0, end), ...isAddress ? record : []]);
    answer.set([0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0], 2);
    await socket.send(answer, from);
  }
}

/** Answers each request of a connection with its path. */
async function answer(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let read = await conn.read(buffer); read !== null; read = await conn.read(buffer)) {
    text += new TextDecoder().decode(buffer.subarray(0, read));
    if (!text.includes("\r\n\r\n")) continue;
    console.log(JSON.stringify(text));
    const path = text.split(" ")[1]!;
    text = "";
    await conn.write(
      new TextEncoder().encode(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\nConnection: close\r\n\r\n${path}`),
    );
    return;
  }
}

async function answerByTls(folder: string): Promise<void> {
  const [cert, key] = ["cert", "key"].map((name) => Deno.readTextFileSync(`${folder}/${name}.pem`));
  const listener = Deno.listenTls({ hostname, port: 443, cert: cert!, key: key! });
  while (true) {
    const conn = await listener.accept();
    answer(conn).catch(() => {}).finally(() => conn.close());
  }
}

if (folder) answerByTls(folder);
serve(8080, answer);
serve(80, send);
serve(81, count);
answerNames();
console.log("up");
