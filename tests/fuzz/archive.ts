import assert from "node:assert/strict";
import { ArchiveError } from "../../src/archive/decode.ts";
import { checksumOf, type Entry } from "../../src/archive/entry.ts";
import { ArchiveReader } from "../../src/archive/reader.ts";
import { inChunks, tarArchive } from "../helpers/archive.ts";
import type { Random } from "./random.ts";

const BLOCK = 512;

/** Checks that a damaged archive is read or refused identically in chunks of any size, and yields no extra data. */
export async function checkArchive(random: Random): Promise<void> {
  const bytes = await tarArchive(
    { name: "./file", data: "x".repeat(random.upTo(600)) },
    { name: `./${"n".repeat(random.upTo(150))}`, type: "symlink", link: "l".repeat(random.upTo(150)), mtimeS: 1.5 },
  );
  for (let change = random.upTo(4); change > 0; change--) bytes[random.upTo(bytes.length - 1)] = random.u32();
  // A wrong checksum gets a header refused early: correct most of them.
  for (let at = 0; at < bytes.length; at += BLOCK) if (random.upTo(3) > 0) seal(bytes.subarray(at, at + BLOCK));
  const whole = await readAll(bytes, bytes.length);
  assert.deepEqual(await readAll(bytes, 1 + random.upTo(2 * BLOCK)), whole);
  assert.ok(whole.dataBytes <= bytes.length);
}

function seal(block: Uint8Array): void {
  if (String.fromCharCode(...block.subarray(257, 262)) !== "ustar") return;
  block.set(new TextEncoder().encode(`${checksumOf(block).toString(8).padStart(7, "0")}\0`), 148);
}

async function readAll(bytes: Uint8Array, chunkSize: number) {
  const reader = new ArchiveReader(inChunks(bytes, chunkSize));
  const entries: Entry[] = [];
  let dataBytes = 0;
  let refusal: string | undefined;
  try {
    for (let entry = await reader.next(); entry; entry = await reader.next()) {
      entries.push(entry);
      for (let some = await reader.read(); some; some = await reader.read()) dataBytes += some.length;
    }
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    refusal = error.message;
  }
  // How much data is read before a refusal depends on the chunks.
  return { entries, refusal, dataBytes: refusal === undefined ? dataBytes : 0 };
}
