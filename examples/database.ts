/**
 * A throw-away database: a Redis server in a VM that has no network, reached through a published port that is free at
 * the time, with nothing left of either when the script ends. So may a test suite have a fresh one for each test.
 *
 *     deno run --allow-env --allow-net --allow-read --allow-write --allow-sys=uid \
 *       --allow-run=lib/smolvm-jail-x64,sh,setpriv,buildah examples/database.ts [IMAGE [COMMAND...]]
 *
 * IMAGE is `redis:alpine` unless given, COMMAND what the image says.
 *
 * @module
 */

import { Machine } from "../src/mod.ts";

/** As much of a client as this needs: one request at a time, in ASCII, and answers of one line. */
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

/** Settles when the server answers: until it listens, connections to its published port are closed at once. */
async function connectWhenReady(hostname: string, port: number): Promise<Redis> {
  while (true) {
    const client = new Redis(await Deno.connect({ hostname, port }));
    if (await client.ask("PING").catch(() => {}) === "PONG") return client;
    client[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
