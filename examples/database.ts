/**
 * A temporary database: a Redis server in a VM without a network, reached through a published port that smolvm chooses.
 * The VM and its files are removed when the script ends. A test suite can give each test a fresh database this way.
 *
 *     deno run --allow-env --allow-net --allow-read --allow-write --allow-sys=uid \
 *       --allow-run=lib/smolvm-jail-x64,sh,setpriv,buildah examples/database.ts [IMAGE [COMMAND...]]
 *
 * IMAGE defaults to `redis:alpine`, and COMMAND to the image's command.
 *
 * @module
 */

import { Machine } from "../src/mod.ts";

/** A minimal Redis client: one request at a time, in ASCII, with replies of one line. */
class Redis implements Disposable {
  readonly #conn: Deno.Conn;
  #unread = "";

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async ask(request: string): Promise<string> {
    const words = request.split(" ").map((word) => `$${word.length}\r\n${word}\r\n`);
    await this.#conn.write(new TextEncoder().encode(`*${words.length}\r\n${words.join("")}`));
    const answer = await this.#readLine();
    if (answer.startsWith("-")) throw new Error(answer.slice(1));
    return answer.startsWith("$") ? await this.#readLine() : answer.slice(1);
  }

  async #readLine(): Promise<string> {
    const chunk = new Uint8Array(4096);
    while (!this.#unread.includes("\r\n")) {
      const count = await this.#conn.read(chunk);
      if (count === null) throw new Error("The server closed the connection");
      this.#unread += new TextDecoder().decode(chunk.subarray(0, count));
    }
    const [line, ...rest] = this.#unread.split("\r\n");
    this.#unread = rest.join("\r\n");
    return line!;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

const GUEST_PORT = 6379;

const [image = "redis:alpine", ...command] = Deno.args;

await using server = await Machine.create({
  source: image,
  command,
  ports: [{ guestPort: GUEST_PORT }],
  ephemeral: true,
});
await server.start();
const { address, hostPort } = (await server.info()).ports[0]!;
using database = await connectWhenReady(address, hostPort);
console.log(`${image} answers at ${address}:${hostPort}`);
for (const request of ["SET visits 41", "INCR visits", "GET visits", "DBSIZE"]) {
  console.log(`${request} -> ${await database.ask(request)}`);
}

/** Connects until the server answers: before it listens, connections to its published port close immediately. */
async function connectWhenReady(hostname: string, port: number): Promise<Redis> {
  while (true) {
    const client = new Redis(await Deno.connect({ hostname, port }));
    if (await client.ask("PING").catch(() => {}) === "PONG") return client;
    client[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
