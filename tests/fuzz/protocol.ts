/**
 * A seeded fuzzer of everything that reads bytes of a guest: the frame decoder, the payload readers, and archives.
 *
 *     deno run tests/fuzz/protocol.ts [--seed N] [--iterations N]    from a seed, or a random one
 *     deno run tests/fuzz/protocol.ts --repro SEED                   the one iteration that failed
 *
 * Each iteration has a seed of its own, which a failure names.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { encodeFrame, type Frame, FrameDecoder } from "../../src/protocol/frame.ts";
import { decodeExited, decodeFailure, decodeU32, decodeWindowSize } from "../../src/protocol/messages.ts";
import { PayloadReader, PayloadWriter, ProtocolError } from "../../src/protocol/payload.ts";
import { checkArchive } from "./archive.ts";
import { Random } from "./random.ts";

/** Largest payload in a generated stream, in bytes; small, so that limits and borders are met often. */
const MAX_PAYLOAD = 64;

/** Fuzzes `iterations` times from `seed`; the error of a failed iteration names what reproduces it. */
export async function fuzzProtocol(seed: number, iterations: number): Promise<void> {
  const seeds = new Random(seed);
  for (let iteration = 0; iteration < iterations; iteration++) await reproduce(seeds.u32());
}

/** Runs the one iteration of a seed. */
export async function reproduce(seed: number): Promise<void> {
  try {
    checkDecoder(new Random(seed));
    checkHostileStream(new Random(seed));
    checkReaders(new Random(seed));
    checkRoundTrip(new Random(seed));
    await checkArchive(new Random(seed));
  } catch (error) {
    throw new Error(`Reproduce with: tests/fuzz/protocol.ts --repro ${seed}`, { cause: error });
  }
}

/** Frames come out as they went in, wherever their bytes are cut. */
function checkDecoder(random: Random): void {
  const frames = random.list(5, (): Frame => ({
    type: random.u32(),
    stream: random.u32(),
    payload: random.bytes(random.upTo(MAX_PAYLOAD)),
  }));
  const bytes = frames.flatMap(({ type, stream, payload }) => [...encodeFrame(type, stream, payload)]);
  const decoder = new FrameDecoder(MAX_PAYLOAD);
  assert.deepEqual(chunksOf(random, bytes).flatMap((chunk) => [...decoder.push(chunk)]), frames);
}

/** Any bytes at all are cut the same way in one chunk and in many, within the limit, or refused. */
function checkHostileStream(random: Random): void {
  const bytes = random.list(8, () => random.bytes(random.upTo(20))).flatMap((part) => [...part]);
  // Small lengths, or hardly any frame would ever end.
  for (let at = 1; at < bytes.length; at++) if (random.upTo(2) > 0) bytes[at] = 0;
  const whole = decodeAll([new Uint8Array(bytes)]);
  assert.deepEqual(decodeAll(chunksOf(random, bytes)), whole);
  for (const { payload } of whole.frames) assert.ok(payload.length <= MAX_PAYLOAD);
}

/** Readers of payloads return or refuse; they never fail in another way. */
function checkReaders(random: Random): void {
  const payload = random.bytes(random.upTo(MAX_PAYLOAD));
  // Counts and lengths that are nearly right reach further than those that are forged wildly.
  if (payload.length >= 4 && random.upTo(1) === 1) new DataView(payload.buffer).setUint32(0, random.upTo(8), true);
  const readers: ((payload: Uint8Array) => unknown)[] = [
    decodeU32,
    decodeWindowSize,
    decodeExited,
    decodeFailure,
    (bytes) => new PayloadReader(bytes).str(),
    (bytes) => new PayloadReader(bytes).list((item) => item.blob()),
    (bytes) => new PayloadReader(bytes).list((item) => [item.u64(), item.str(), item.list((inner) => inner.u32())]),
  ];
  for (const read of readers) orRefuse(() => read(payload));
}

/** What is written is read again, and nothing is read of less. */
function checkRoundTrip(random: Random): void {
  const items = random.list(6, () => random.bytes(random.upTo(400)));
  const [first, last] = [random.u32(), BigInt(random.u32()) << BigInt(random.upTo(32))];
  const bytes = new PayloadWriter().u32(first).list(items, (writer, item) => writer.blob(item)).u64(last).finish();
  const read = (payload: Uint8Array) => {
    const reader = new PayloadReader(payload);
    const fields = [reader.u32(), reader.list((item) => item.blob()), reader.u64()];
    reader.end();
    return fields;
  };
  assert.deepEqual(read(bytes), [first, items, last]);
  assert.throws(() => read(bytes.subarray(0, random.upTo(bytes.length - 1))), ProtocolError);
}

/** The frames that come out before the decoder refuses the rest, and whether it does. */
function decodeAll(chunks: Uint8Array[]): { frames: Frame[]; refused: boolean } {
  const decoder = new FrameDecoder(MAX_PAYLOAD);
  const frames: Frame[] = [];
  const finished = orRefuse(() => {
    for (const chunk of chunks) for (const frame of decoder.push(chunk)) frames.push(frame);
  });
  return { frames, refused: !finished };
}

/** Whether `action` succeeded; the only other thing that may happen is a refusal. */
function orRefuse(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

function chunksOf(random: Random, bytes: number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.upTo(random.upTo(1) === 1 ? 3 : 60);
    chunks.push(new Uint8Array(bytes.slice(at, at + size)));
    at += size;
  }
  return chunks;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { seed: { type: "string" }, iterations: { type: "string", default: "100000" }, repro: { type: "string" } },
  });
  if (values.repro !== undefined) {
    await reproduce(parseCount("--repro", values.repro));
  } else {
    const seed = values.seed === undefined ? Date.now() % 2 ** 32 : parseCount("--seed", values.seed);
    const iterations = parseCount("--iterations", values.iterations);
    console.log(`seed ${seed}, ${iterations} iterations`);
    await fuzzProtocol(seed, iterations);
  }
}

function parseCount(option: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`Cannot use ${option} "${text}": expected a whole number`);
  return Number(text);
}
