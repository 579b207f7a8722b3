/**
 * The guest's side of `network.ts`: runs a scenario and prints its time in milliseconds as JSON.
 *
 *     deno run network_guest.ts SCENARIO ADDRESS PORT SIZE
 *
 * @module
 */

const [scenario, hostname = "", portText, sizeText] = Deno.args;
const [port, size] = [Number(portText), Number(sizeText)];
const buffer = new Uint8Array(256 * 1024);

/** Connects and sends the request, which is one byte. */
async function ask(wanted: string): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname, port });
  conn.setNoDelay();
  await conn.write(new TextEncoder().encode(wanted));
  return conn;
}

const SCENARIOS: Record<string, () => Promise<void>> = {
  async down() {
    using conn = await ask("d");
    let bytes = 0;
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) bytes += count;
    if (bytes !== size) throw new Error(`${bytes} bytes came`);
  },
  async up() {
    using conn = await ask("u");
    for (let left = size; left > 0;) left -= await conn.write(buffer.subarray(0, Math.min(left, buffer.length)));
    await conn.closeWrite();
    if (await conn.read(buffer) === null) throw new Error("not all arrived");
  },
  async trips() {
    using conn = await ask("e");
    for (let count = 0; count < size; count++) {
      await conn.write(buffer.subarray(0, 1));
      await conn.read(buffer);
    }
  },
  /** Opens 32 connections at a time, each of which receives one byte. */
  async connections() {
    let left = size;
    await Promise.all(Array.from({ length: 32 }, async () => {
      while (left-- > 0) {
        using conn = await ask("e");
        await conn.write(buffer.subarray(0, 1));
        await conn.read(buffer);
      }
    }));
  },
};

const start = performance.now();
await SCENARIOS[scenario!]!();
console.log(performance.now() - start);
Deno.exit(0);
