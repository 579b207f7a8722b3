/**
 * Makes a kubelet's calls to a container runtime over the runtime's socket: gRPC with messages of `runtime.v1`, whose
 * fields have numbers.
 *
 * @module
 */

import http2 from "node:http2";
import net from "node:net";

/** The number and value of a message's field. A list is one field for each item. */
type Field = [number, number | string | Uint8Array];

function encodeNumber(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...encodeNumber(Math.floor(value / 128))];
}

function encode(...fields: Field[]): Uint8Array {
  return new Uint8Array(fields.flatMap(([number, value]) => {
    if (typeof value === "number") return [...encodeNumber(number << 3), ...encodeNumber(value)];
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    return [...encodeNumber(number << 3 | 2), ...encodeNumber(bytes.length), ...bytes];
  }));
}

/** A decoded message: its values by field number. */
class Message {
  readonly #numbers = new Map<number, number>();
  readonly #bytes = new Map<number, Uint8Array>();

  constructor(bytes: Uint8Array) {
    let at = 0;
    const number = () => {
      let value = 0;
      for (let factor = 1;; factor *= 128) {
        const byte = bytes[at++]!;
        value += byte % 128 * factor;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = number();
      const value = number();
      if ((tag & 7) === 0) this.#numbers.set(tag >> 3, value);
      else this.#bytes.set(tag >> 3, bytes.subarray(at, at += value));
    }
  }

  /** A missing field is 0, which is never sent. */
  number(field: number): number {
    return this.#numbers.get(field) ?? 0;
  }

  text(field: number): string {
    return new TextDecoder().decode(this.#bytes.get(field));
  }

  message(field: number): Message {
    return new Message(this.#bytes.get(field) ?? new Uint8Array());
  }
}

/** The containers of the pod share a network and an IPC namespace; each has its own PID namespace. */
const NAMESPACES = encode([1, 0], [2, 1], [3, 0]);

/** A container of a pod. */
export interface PodContainer {
  name: string;
  image: string;
  command: string[];
  memoryBytes: number;
}

/** A kubelet with a single pod. */
export class Kubelet implements Disposable {
  readonly #session: http2.ClientHttp2Session;
  readonly #logs: string;
  readonly #pod: Uint8Array;

  /** @param logs the folder for the containers' logs; the file name is the container's name */
  constructor(socket: string, { logs }: { logs: string }) {
    this.#session = http2.connect("http://localhost", { createConnection: () => net.connect(socket) });
    this.#logs = logs;
    const metadata = encode([1, "pod"], [2, "uid"], [3, "default"]);
    const linux = encode([1, "/smolvm-test"], [2, encode([1, NAMESPACES])]);
    this.#pod = encode([1, metadata], [2, "podhost"], [3, logs], [8, linux]);
  }

  [Symbol.dispose](): void {
    this.#session.close();
  }

  async runPod(handler: string): Promise<string> {
    return (await this.#call("RunPodSandbox", [1, this.#pod], [2, handler])).text(1);
  }

  async podAddress(pod: string): Promise<string> {
    return (await this.#call("PodSandboxStatus", [1, pod])).message(1).message(5).text(1);
  }

  async removePod(pod: string): Promise<void> {
    await this.#call("StopPodSandbox", [1, pod]);
    await this.#call("RemovePodSandbox", [1, pod]);
  }

  /** Creates and starts a container. */
  async run(pod: string, { name, image, command, memoryBytes }: PodContainer): Promise<string> {
    const config = encode(
      [1, encode([1, name])],
      [2, encode([1, image])],
      ...command.map((word): Field => [3, word]),
      [11, name],
      [15, encode([1, encode([4, memoryBytes])], [2, encode([3, NAMESPACES])])],
    );
    const id = (await this.#call("CreateContainer", [1, pod], [2, config], [3, this.#pod])).text(1);
    await this.#call("StartContainer", [1, id]);
    return id;
  }

  async exec(container: string, ...command: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const done = await this.#call("ExecSync", [1, container], ...command.map((word): Field => [2, word]));
    return { code: done.number(3), stdout: done.text(1), stderr: done.text(2) };
  }

  /** Stops a container and removes it; returns its exit code. */
  async remove(container: string, { timeoutSeconds }: { timeoutSeconds: number }): Promise<number> {
    await this.#call("StopContainer", [1, container], [2, timeoutSeconds]);
    const code = (await this.#call("ContainerStatus", [1, container])).message(1).number(7);
    await this.#call("RemoveContainer", [1, container]);
    return code;
  }

  /** The log of a container: one line `STREAM TEXT` for each line that it wrote. */
  logOf(name: string): string {
    return Deno.readTextFileSync(`${this.#logs}/${name}`).replace(/^\S+ (std\S+) [FP] /gm, "$1 ");
  }

  /** The size of the runtime's lists of pods and containers, in bytes: 0 if there are none. */
  async remains(): Promise<number> {
    return (await this.#send("ListContainers")).length + (await this.#send("ListPodSandbox")).length;
  }

  async #call(method: string, ...fields: Field[]): Promise<Message> {
    return new Message(await this.#send(method, ...fields));
  }

  #send(method: string, ...fields: Field[]): Promise<Uint8Array> {
    const message = encode(...fields);
    const header = new Uint8Array(5);
    new DataView(header.buffer).setUint32(1, message.length);
    const request = this.#session.request({
      ":method": "POST",
      ":path": `/runtime.v1.RuntimeService/${method}`,
      "content-type": "application/grpc",
      "te": "trailers",
    });
    const answer: Uint8Array[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const take = (headers: Record<string, unknown>) => {
      const status = headers["grpc-status"] ?? "0";
      if (status !== "0") reject(new Error(`${method}: ${decodeURIComponent(String(headers["grpc-message"]))}`));
    };
    request.on("error", reject);
    request.on("response", take);
    request.on("trailers", take);
    request.on("data", (data) => answer.push(data));
    request.on("end", async () => resolve((await new Blob(answer as BlobPart[]).bytes()).subarray(header.length)));
    request.end(new Uint8Array([...header, ...message]));
    return promise;
  }
}
