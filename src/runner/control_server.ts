import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import { HOST_PAYLOAD_MAX } from "../protocol/constants.ts";
import { CONTROL, decodeStop, MAIN_STREAM, type StopRequest } from "../protocol/control.ts";
import { readFrames } from "../protocol/frame_reader.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import type { CommandRelay } from "./command_relay.ts";

/** What clients are served with. */
export interface Service {
  relay: CommandRelay;
  stop: (request: StopRequest) => Promise<void>;
}

/** Serves the clients of a machine, until it is disposed of: their connections end with it. */
export class ControlServer implements Disposable {
  readonly #listener: Deno.Listener;
  readonly #clients = new Set<FrameWriter>();

  /** Listens at once; whoever dials before {@linkcode serve} waits. */
  constructor(path: string) {
    this.#listener = Deno.listen({ transport: "unix", path });
  }

  /** Begins to serve. */
  serve(service: Service): void {
    this.#accept(service).catch((error) => log("debug", `control socket: ${messageOf(error)}`));
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const client of this.#clients) client.close();
  }

  async #accept(service: Service): Promise<void> {
    for await (const conn of this.#listener) {
      this.#serveClient(conn, service).catch((error) => log("debug", `client: ${messageOf(error)}`));
    }
  }

  async #serveClient(conn: Deno.Conn, { relay, stop }: Service): Promise<void> {
    const writer = new FrameWriter(conn);
    this.#clients.add(writer);
    try {
      let attached = false;
      for await (const frame of readFrames(conn, { maxPayload: HOST_PAYLOAD_MAX })) {
        if (attached && frame.stream === MAIN_STREAM) relay.fromClient(frame);
        else if (!attached && frame.type === CONTROL.ATTACH && relay.attach(writer)) attached = true;
        else if (!attached && frame.type === CONTROL.STOP) await stop(decodeStop(frame.payload));
        else return;
      }
    } finally {
      relay.detach(writer);
      writer.close();
      this.#clients.delete(writer);
    }
  }
}
