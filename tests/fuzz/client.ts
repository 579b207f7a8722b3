import assert from "node:assert/strict";
import { SmolvmError } from "../../src/errors.ts";
import { Attachment } from "../../src/protocol/attachment.ts";
import { MSG } from "../../src/protocol/constants.ts";
import { CLIENT_STREAM, CONTROL } from "../../src/protocol/control.ts";
import { encodeFrame } from "../../src/protocol/frame.ts";
import { decodeStart, encodeStart } from "../../src/runner_interface/start_report.ts";
import { FramePeer } from "../helpers/frame_peer.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import type { Random } from "./random.ts";

const TYPES = [MSG.STARTED, MSG.STDOUT, MSG.STDERR, MSG.STDIN_CREDIT, MSG.EXITED, MSG.FAILED];

/** Checks that a client of a hostile runner ends with an exit status or with one SmolvmError. */
export async function checkClient(random: Random): Promise<void> {
  using folder = makeTempFolder();
  const path = `${folder.path}/control.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  // A stalled sink makes the client buffer everything that is sent.
  const stall = random.upTo(1) === 0 ? Promise.withResolvers<void>() : undefined;
  const sink = async () => await stall?.promise;
  const opening = Attachment.open(path, { stdin: undefined, stdout: sink, stderr: sink }, { type: CONTROL.ATTACH });
  using runner = new FramePeer(await listener.accept());
  const finished = (await opening).finish().then(() => undefined, (error) => error);
  try {
    for (let frame = random.upTo(40); frame > 0; frame--) await runner.write(hostileFrame(random));
  } catch {
    // The client has closed the connection.
  }
  runner[Symbol.dispose]();
  stall?.resolve();
  const error = await finished;
  assert.ok(error === undefined || error instanceof SmolvmError, `${error}`);
}

function hostileFrame(random: Random): Uint8Array {
  if (random.upTo(20) === 0) return random.bytes(random.upTo(60));
  const type = random.upTo(10) === 0 ? random.u32() : TYPES[random.upTo(TYPES.length - 1)]!;
  // Send mostly output: random types alone would produce little of it.
  const isOutput = random.upTo(3) > 0;
  const payload = isOutput ? new Uint8Array(random.upTo(16_000)) : random.bytes(random.upTo(24));
  return encodeFrame(isOutput ? MSG.STDOUT : type, CLIENT_STREAM, payload);
}

/** Checks that a damaged start report is decoded, or refused with one error without control characters. */
export function checkStart(random: Random): void {
  const reports = [{ pid: 4711 }, new SmolvmError("guest", "It died:\n  last words", { hint: "\x1b[2J" })];
  const bytes = encodeStart(reports[random.upTo(1)]!);
  for (let change = random.upTo(4); change > 0; change--) bytes[random.upTo(bytes.length - 1)] = random.u32();
  try {
    decodeStart(new TextDecoder().decode(bytes));
  } catch (error) {
    assert.ok(error instanceof SmolvmError, `${error}`);
    assert.doesNotMatch(error.hint ?? "", /[^\P{Cc}\n\t]/u);
    if (error.code !== "internal") assert.doesNotMatch(error.message, /[^\P{Cc}\n\t]/u);
  }
}
