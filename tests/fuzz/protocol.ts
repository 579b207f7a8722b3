/**
 * A seeded fuzzer of all code that parses bytes from a guest, or from a runner that the guest has taken over: the frame
 * decoder, the payload readers, the archive reader and a machine's client.
 *
 *     deno run tests/fuzz/protocol.ts [--seed N] [--iterations N]    starts from this seed, or a random one
 *     deno run tests/fuzz/protocol.ts --repro SEED                   repeats the iteration that failed
 *
 * Each iteration has its own seed; the error of a failed iteration contains it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodeFrame, type Frame, FrameDecoder } from "../../src/protocol/frame.ts";
import { decodeExited, decodeFailure, decodeU32, decodeWindowSize } from "../../src/protocol/messages.ts";
import { PayloadReader, PayloadWriter, ProtocolError } from "../../src/protocol/payload.ts";
import { checkArchive } from "./archive.ts";
import { checkClient, checkStart } from "./client.ts";
import { Fuzzer } from "./fuzzer.ts";
import { Random } from "./random.ts";

/** Largest payload in a generated stream, in bytes; small, so that limits and boundaries are hit often. */
const MAX_PAYLOAD = 64;

const fuzzer = new Fuzzer("tests/fuzz/protocol.ts", async (seed) => {
  checkDecoder(new Random(seed));
  checkHostileStream(new Random(seed));
  checkReaders(new Random(seed));
  checkRoundTrip(new Random(seed));
  await checkArchive(new Random(seed));
  checkStart(new Random(seed));
  // This check takes as long as many of the others.
  if (seed % 32 === 0) await checkClient(new Random(seed));
});

/** Fuzzes the parsers; see {@linkcode Fuzzer.run}. */
export const fuzzProtocol = fuzzer.run.bind(fuzzer);

/** Checks that frames are decoded as they were encoded, wherever their bytes are split. */
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

/** Checks that any bytes are decoded or refused identically in one chunk and in many, within the size limit. */
function checkHostileStream(random: Random): void {
  const bytes = random.list(8, () => random.bytes(random.upTo(20))).flatMap((part) => [...part]);
  // Zeros make lengths small: frames with large lengths never end.
  for (let at = 1; at < bytes.length; at++) if (random.upTo(2) > 0) bytes[at] = 0;
  const whole = decodeAll([new Uint8Array(bytes)]);
  assert.deepEqual(decodeAll(chunksOf(random, bytes)), whole);
  for (const { payload } of whole.frames) assert.ok(payload.length <= MAX_PAYLOAD);
}

/** Checks that payload readers return a value or throw a ProtocolError, and never fail in another way. */
function checkReaders(random: Random): void {
  const payload = random.bytes(random.upTo(MAX_PAYLOAD));
  // Nearly correct counts and lengths reach more code than random ones.
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
  for (const read of readers) succeeds(() => read(payload));
}

/** Checks that encoded payloads are decoded identically, and that truncated ones are refused. */
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

/** Returns the frames that the decoder accepts, and whether it refuses the rest. */
function decodeAll(chunks: Uint8Array[]): { frames: Frame[]; refused: boolean } {
  const decoder = new FrameDecoder(MAX_PAYLOAD);
  const frames: Frame[] = [];
  const finished = succeeds(() => {
    for (const chunk of chunks) for (const frame of decoder.push(chunk)) frames.push(frame);
  });
  return { frames, refused: !finished };
}

/** Whether `action` succeeded; rethrows any error except a ProtocolError. */
function succeeds(action: () => unknown): boolean {
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

if (import.meta.main) await fuzzer.main({ iterations: 100_000 });
