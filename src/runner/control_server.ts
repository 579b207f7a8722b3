import { HOST_PAYLOAD_MAX } from "../protocol/constants.ts";
import { CONTROL, MAIN_STREAM } from "../protocol/control.ts";
import { type Frame, FrameDecoder } from "../protocol/frame.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import { log } from "../log.ts";
import { messageOf } from "../errors.ts";
import type { CommandRelay } from "./command_relay.ts";

/** Serves the clients of a machine until the listener is closed. */
export async function serveClients(listener: Deno.Listener, relay: CommandRelay): Promise<void> {
  for await (const conn of listener) {
    serveClient(conn, relay).catch((error) => log("warn", `client: ${messageOf(error)}`));
  }
}

async function serveClient(conn: Deno.Conn, relay: CommandRelay): Promise<void> {
  const writer = new FrameWriter(conn);
  try {
    let attached = false;
    for await (const frame of readFrames(conn)) {
      if (attached && frame.stream === MAIN_STREAM) relay.fromClient(frame);
      else if (!attached && frame.type === CONTROL.ATTACH && relay.attach(writer)) attached = true;
      else return;
    }
  } finally {
    writer.close();
  }
}

async function* readFrames(conn: Deno.Conn): AsyncGenerator<Frame> {
  const decoder = new FrameDecoder(HOST_PAYLOAD_MAX);
  const chunk = new Uint8Array(64 * 1024);
  for (let count = await conn.read(chunk); count !== null; count = await conn.read(chunk)) {
    yield* decoder.push(chunk.subarray(0, count));
  }
}
