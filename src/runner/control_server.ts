import { messageOf } from "../errors.ts";
import { serveEach } from "../host/accept.ts";
import { log } from "../log.ts";
import { HOST_PAYLOAD_MAX } from "../protocol/constants.ts";
import { type Connection, connectionPair } from "../protocol/connection.ts";
import { CLIENT_STREAM, CONTROL, decodeSignal, decodeStop, type StopRequest } from "../protocol/control.ts";
import type { Frame } from "../protocol/frame.ts";
import { readFrames } from "../protocol/frame_reader.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import { decodeExec, type Exec } from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/payload.ts";
import type { CommandRelay } from "./command_relay.ts";

/** The machine as its clients use it. */
export interface Service {
  /** The machine's own command. */
  relay: CommandRelay;
  stop: (request: StopRequest) => Promise<void>;
  /** Runs another command. */
  exec: (exec: Exec) => Promise<CommandRelay>;
}

const SIGKILL = 9;
const WHAT = "control socket";

/** Serves the clients of a machine. Disposing of it closes their connections. */
export class ControlServer implements Disposable {
  readonly #listener: Deno.Listener;
  readonly #clients = new Set<FrameWriter>();
  readonly #service = Promise.withResolvers<Service>();

  /** Listens at once. Requests before {@linkcode serve} wait, and are then handled first. */
  constructor(path: string) {
    this.#listener = Deno.listen({ transport: "unix", path });
    serveEach(this.#listener, { what: WHAT, serve: (conn) => this.#serveClient(conn) });
  }

  /** Starts to handle requests. */
  serve(service: Service): void {
    this.#service.resolve(service);
  }

  /** Connects a client in this process, which is served like any other. */
  connect(): Connection {
    const [near, far] = connectionPair();
    this.#serveClient(far).catch((error) => log("debug", `${WHAT}: ${messageOf(error)}`));
    return near;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const client of this.#clients) client.close();
  }

  async #serveClient(conn: Connection): Promise<void> {
    using connection = new DisposableStack();
    const client = new FrameWriter(conn);
    this.#clients.add(client);
    connection.defer(() => {
      client.close();
      this.#clients.delete(client);
    });
    const frames = readFrames(conn, { maxPayload: HOST_PAYLOAD_MAX });
    const { done, value: request } = await frames.next();
    if (done) return;
    const service = await this.#service.promise;
    const relay = await openRelay(request, { client, connection, service });
    for await (const frame of frames) {
      if (!relay || frame.stream !== CLIENT_STREAM) return;
      relay.fromClient(client, frame);
    }
  }
}

/**
 * Handles a client's request, undone when its connection closes. Returns the command for the client's further frames,
 * if there is one.
 */
async function openRelay(
  { type, payload }: Frame,
  { client, connection, service }: { client: FrameWriter; connection: DisposableStack; service: Service },
): Promise<CommandRelay | undefined> {
  switch (type) {
    case CONTROL.ATTACH:
      if (!service.relay.attach(client)) throw new ProtocolError("the command has ended");
      connection.defer(() => service.relay.detach(client));
      return service.relay;
    case CONTROL.EXEC:
    case CONTROL.SPAWN: {
      const relay = await service.exec(decodeExec(payload));
      relay.attach(client);
      connection.defer(() => relay.detach(client));
      if (type === CONTROL.EXEC) connection.defer(() => relay.signal(SIGKILL));
      return relay;
    }
    case CONTROL.WAIT:
      service.relay.watch(client);
      connection.defer(() => service.relay.detach(client));
      return undefined;
    case CONTROL.SIGNAL:
      service.relay.signal(decodeSignal(payload));
      return undefined;
    case CONTROL.STOP:
      await service.stop(decodeStop(payload));
      return undefined;
    default:
      throw new ProtocolError(`request ${type} of a client`);
  }
}
