// The C tests read these golden frames too: both sides must decode and encode them to the same fields and bytes.
import assert from "node:assert/strict";
import { EXIT, MSG } from "./constants.ts";
import { encodeFrame, FrameDecoder } from "./frame.ts";
import {
  decodeExec,
  decodeExited,
  decodeFailure,
  decodeU32,
  decodeU32s,
  decodeWindowSize,
  encodeClock,
  encodeExec,
  encodeExited,
  encodeFailure,
  encodeSetup,
  encodeU32s,
  type Exec,
  type Failure,
  type GuestInterface,
  type Setup,
  type WindowSize,
} from "./messages.ts";

type MessageName = keyof typeof MSG;

/** The fields of each message in the fixture: u64 as decimal strings, bytes in hexadecimal. */
interface GoldenFields {
  SETUP: Omit<Setup, "clockNs" | "files" | "rlimits" | "interfaces"> & {
    clockNs: string;
    files: { path: string; mode: number; content: string }[];
    rlimits: { resource: number; soft: string; hard: string }[];
    interfaces: (Omit<GuestInterface, "address6" | "gateway6"> & { address6: string; gateway6: string })[];
  };
  EXEC: Omit<Exec, "tty"> & { tty: WindowSize | null };
  STDIN: { bytes: string };
  RESIZE: WindowSize;
  SIGNAL: { signal: number };
  CREDIT: { channel: number; bytes: number };
  ACK: { bytes: number };
  SHUTDOWN: Record<never, never>;
  CLOCK: { clockNs: string; jumped: boolean };
  HELLO: { version: number };
  READY: Record<never, never>;
  STARTED: { pid: number };
  STDOUT: { bytes: string };
  STDERR: { bytes: string };
  STDIN_CREDIT: { bytes: number };
  EXITED: { kind: number; value: number };
  FAILED: Failure;
  BYE: Record<never, never>;
}

interface GoldenFrame {
  name: string;
  bytes: Uint8Array;
  type: MessageName;
  stream: number;
  fields: unknown;
}

/** How a payload is encoded, and how the host decodes it if it does. */
interface Codec<F> {
  encode(fields: F): Uint8Array;
  decode?(payload: Uint8Array): F;
}

const nothing: Codec<Record<never, never>> = { encode: () => new Uint8Array(), decode: () => ({}) };
const bytes: Codec<{ bytes: string }> = {
  encode: ({ bytes }) => Uint8Array.fromHex(bytes),
  decode: (payload) => ({ bytes: payload.toHex() }),
};
const number = <N extends string>(name: N): Codec<Record<N, number>> => ({
  encode: (fields) => encodeU32s(fields[name]),
  decode: (payload) => ({ [name]: decodeU32(payload) }) as Record<N, number>,
});

/** Only the guest decodes SETUP and CLOCK, which the C tests cover. */
const CODECS: { [T in MessageName]: Codec<GoldenFields[T]> } = {
  SETUP: {
    encode: ({ clockNs, files, rlimits, interfaces, ...setup }) =>
      encodeSetup({
        ...setup,
        clockNs: BigInt(clockNs),
        files: files.map(({ content, ...file }) => ({ ...file, content: Uint8Array.fromHex(content) })),
        rlimits: rlimits.map(({ resource, soft, hard }) => ({ resource, soft: BigInt(soft), hard: BigInt(hard) })),
        interfaces: interfaces.map(({ address6, gateway6, ...rest }) => ({
          ...rest,
          address6: BigInt(address6),
          gateway6: BigInt(gateway6),
        })),
      }),
  },
  EXEC: {
    encode: ({ tty, ...exec }) => encodeExec({ ...exec, tty: tty ?? undefined }),
    decode: (payload) => ({ ...decodeExec(payload), tty: decodeExec(payload).tty ?? null }),
  },
  STDIN: bytes,
  RESIZE: { encode: ({ rows, columns }) => encodeU32s(rows, columns), decode: decodeWindowSize },
  SIGNAL: number("signal"),
  CREDIT: {
    encode: ({ channel, bytes }) => encodeU32s(channel, bytes),
    decode: (payload) => {
      const [channel, bytes] = decodeU32s(payload, 2) as [number, number];
      return { channel, bytes };
    },
  },
  ACK: number("bytes"),
  SHUTDOWN: nothing,
  CLOCK: { encode: ({ clockNs, jumped }) => encodeClock({ clockNs: BigInt(clockNs), jumped }) },
  HELLO: number("version"),
  READY: nothing,
  STARTED: number("pid"),
  STDOUT: bytes,
  STDERR: bytes,
  STDIN_CREDIT: number("bytes"),
  EXITED: {
    encode: ({ kind, value }) => {
      const oomKilled = (kind & EXIT.OUT_OF_MEMORY) !== 0;
      return encodeExited(kind & EXIT.SIGNAL ? { signal: value, oomKilled } : { code: value, oomKilled });
    },
    decode: (payload) => {
      const { code, signal, oomKilled = false } = decodeExited(payload);
      const memory = oomKilled ? EXIT.OUT_OF_MEMORY : 0;
      return signal === undefined
        ? { kind: EXIT.CODE | memory, value: code }
        : { kind: EXIT.SIGNAL | memory, value: signal };
    },
  },
  FAILED: { encode: encodeFailure, decode: decodeFailure },
  BYE: nothing,
};

function readGoldenFrames(): GoldenFrame[] {
  const text = Deno.readTextFileSync(new URL("../../tests/fixtures/frames.txt", import.meta.url));
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name, hex, json] = /^(\S+) ([0-9a-f]+) (\{.*\})$/.exec(line) ?? assert.fail(`not a golden frame: ${line}`);
    const { type, stream, ...fields } = JSON.parse(json!);
    return { name: name!, bytes: Uint8Array.fromHex(hex!), type, stream, fields };
  });
}

const GOLDEN = readGoldenFrames();

Deno.test("the golden frames include every message", () => {
  assert.deepEqual(new Set(GOLDEN.map(({ type }) => type)), new Set(Object.keys(MSG)));
});

for (const { name, bytes, type, stream, fields } of GOLDEN) {
  Deno.test(`golden frame "${name}" has the fields and the bytes that the C tests see`, () => {
    const codec: Codec<unknown> = CODECS[type];
    assert.equal(encodeFrame(MSG[type], stream, codec.encode(fields)).toHex(), bytes.toHex());

    const [frame, ...others] = new FrameDecoder(bytes.length).push(bytes);
    assert.ok(frame);
    assert.deepEqual(others, []);
    assert.deepEqual([frame.type, frame.stream], [MSG[type], stream]);
    if (codec.decode) assert.deepEqual(codec.decode(frame.payload), fields);
  });
}
