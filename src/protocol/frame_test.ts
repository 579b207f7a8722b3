import assert from "node:assert/strict";
import { FRAME_HEADER_BYTES } from "./constants.ts";
import { encodeFrame, type Frame, FrameDecoder } from "./frame.ts";
import { ProtocolError } from "./payload.ts";

const FRAMES: Frame[] = [
  { type: 1, stream: 0, payload: new Uint8Array() },
  { type: 35, stream: 7, payload: new Uint8Array([0, 255, 12]) },
  { type: 2 ** 32 - 1, stream: 2 ** 32 - 1, payload: new Uint8Array(300).fill(9) },
];
const BYTES = FRAMES.map(({ type, stream, payload }) => encodeFrame(type, stream, payload)).flatMap((frame) => [
  ...frame,
]);

/** Decodes bytes that arrive in chunks of these sizes, and then the rest. */
function decodeChunks(bytes: number[], sizes: Iterable<number>): Frame[] {
  const decoder = new FrameDecoder(1024);
  const frames: Frame[] = [];
  let at = 0;
  for (const size of sizes) {
    // Reuse the buffer, as the caller may.
    const chunk = new Uint8Array(bytes.slice(at, at + size));
    frames.push(...decoder.push(chunk));
    chunk.fill(0xee);
    at += size;
  }
  return [...frames, ...decoder.push(new Uint8Array(bytes.slice(at)))];
}

Deno.test("encodeFrame() writes length, type and stream in little-endian before the payload", () => {
  const bytes = encodeFrame(0x0102, 0x0304, new Uint8Array([0xaa]));
  assert.deepEqual([...bytes], [1, 0, 0, 0, 2, 1, 0, 0, 4, 3, 0, 0, 0xaa]);
});

Deno.test("FrameDecoder decodes several frames from one chunk", () => {
  assert.deepEqual(decodeChunks(BYTES, []), FRAMES);
});

Deno.test("FrameDecoder decodes frames from chunks of one byte", () => {
  assert.deepEqual(decodeChunks(BYTES, BYTES.map(() => 1)), FRAMES);
});

Deno.test("FrameDecoder decodes frames wherever a chunk ends", () => {
  for (let first = 0; first <= BYTES.length; first++) {
    for (const second of [1, FRAME_HEADER_BYTES, 100]) assert.deepEqual(decodeChunks(BYTES, [first, second]), FRAMES);
  }
});

Deno.test("FrameDecoder yields a frame only after its last byte", () => {
  const decoder = new FrameDecoder(1024);
  const bytes = encodeFrame(3, 1, new Uint8Array(5));
  assert.deepEqual([...decoder.push(bytes.subarray(0, -1))], []);
  assert.equal([...decoder.push(bytes.subarray(-1))].length, 1);
});

Deno.test("FrameDecoder keeps the frames that its caller has not read yet", () => {
  const decoder = new FrameDecoder(1024);
  for (const frame of decoder.push(new Uint8Array(BYTES))) {
    assert.deepEqual(frame, FRAMES[0]);
    break;
  }
  assert.deepEqual([...decoder.push(new Uint8Array())], FRAMES.slice(1));
});

Deno.test("FrameDecoder accepts a payload at the limit and refuses a larger one by its header", () => {
  const header = (length: number) => encodeFrame(1, 0, new Uint8Array(length)).subarray(0, FRAME_HEADER_BYTES);
  assert.deepEqual([...new FrameDecoder(8).push(header(8))], []);
  assert.throws(() => [...new FrameDecoder(8).push(header(9))], {
    name: "ProtocolError",
    message: "frame of 9 bytes, expected at most 8",
  });
});

Deno.test("FrameDecoder allocates nothing for a forged length", () => {
  const forged = new Uint8Array(FRAME_HEADER_BYTES);
  forged.fill(0xff, 0, 4);
  assert.throws(() => [...new FrameDecoder(2 * 1024 * 1024).push(forged)], ProtocolError);
});
