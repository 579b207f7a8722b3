import assert from "node:assert/strict";
import { inChunks } from "../../tests/helpers/archive.ts";
import { decompress } from "./decompress.ts";

const PROGRAMS = ["gzip", "bzip2", "xz", "zstd"];

async function compress(program: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const child = new Deno.Command(program, { args: ["-c"], stdin: "piped", stdout: "piped" }).spawn();
  const [{ stdout }] = await Promise.all([child.output(), new Blob([bytes]).stream().pipeTo(child.stdin)]);
  return stdout;
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of chunks) {
    assert.ok(chunk.length > 0);
    parts.push(chunk.slice());
  }
  return await new Blob(parts).bytes();
}

const DATA = crypto.getRandomValues(new Uint8Array(50_000));

for (const program of PROGRAMS) {
  Deno.test(`decompress() reads the output of ${program}, also concatenated files, in chunks of any size`, async () => {
    const half = DATA.length / 2;
    const compressed = await new Blob([
      await compress(program, DATA.slice(0, half)),
      await compress(program, DATA.slice(half)),
    ]).bytes();
    for (const size of [7, 16_384]) assert.deepEqual(await bytesOf(decompress(inChunks(compressed, size))), DATA);
    assert.equal((await bytesOf(decompress(inChunks(await compress(program, new Uint8Array()))))).length, 0);
  });

  Deno.test(`decompress() passes on the error of ${program} for broken or cut input`, async () => {
    const compressed = await compress(program, DATA);
    const short = compressed.subarray(0, compressed.length - 10);
    await assert.rejects(bytesOf(decompress(inChunks(short))), new RegExp(`^Error: (${program}|.*stdin).*: `));
    const broken = compressed.map((byte, at) => at === 20_000 ? byte ^ 0xff : byte);
    await assert.rejects(bytesOf(decompress(inChunks(broken))), new RegExp(`^Error: (${program}|.*stdin).*: `));
  });
}

Deno.test("decompress() passes on input that is not compressed", async () => {
  for (const text of ["", "x", "BZh9 is the name of a file", "longer than any beginning"]) {
    const bytes = new TextEncoder().encode(text);
    assert.deepEqual(await bytesOf(decompress(inChunks(bytes, 1))), bytes);
  }
  const tail = await new Blob([DATA, new Uint8Array(1000)]).bytes();
  assert.deepEqual(await bytesOf(decompress(inChunks(tail))), tail);
});

Deno.test(
  "decompress() reads no more of a bomb than its consumer takes, and ends the program",
  { timeout: 30_000 },
  async () => {
    const bomb = await compress("zstd", new Uint8Array(64 * 1024 ** 2));
    const endless = async function* () {
      while (true) yield await Promise.resolve(bomb);
    };
    let bytes = 0;
    for await (const chunk of decompress(endless())) {
      bytes += chunk.length;
      if (bytes > 1024 ** 2) break;
    }
    assert.ok(bytes < 2 * 1024 ** 2);
  },
);

Deno.test("decompress() throws the error of its input, and names a missing program", async () => {
  const compressed = await compress("gzip", DATA);
  const failing = async function* () {
    yield await Promise.resolve(compressed.subarray(0, 1000));
    throw new Error("lost");
  };
  await assert.rejects(bytesOf(decompress(failing())), /^Error: lost$/);
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", "/nowhere");
  try {
    const missing = "Error: It is compressed with gzip, but there is no such program on this host";
    await assert.rejects(bytesOf(decompress(inChunks(compressed))), new RegExp(`^${missing}$`));
  } finally {
    Deno.env.set("PATH", path);
  }
});
